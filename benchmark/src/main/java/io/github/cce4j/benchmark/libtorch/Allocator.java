package io.github.cce4j.benchmark.libtorch;

import java.util.Map;

/** How the C library's malloc, which both contenders use, treats freed memory. */
enum Allocator {
    /** As every process starts: large blocks go back to the system at once. Memory is measured here. */
    SYSTEM(Map.of(), 0),
    /**
     * Freed memory is kept, in huge pages, and enough of it is touched beforehand that no step faults a page in. What is
     * fastest for libtorch.
     */
    RETAINING(
            Map.of(
                    "GLIBC_TUNABLES",
                    "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=17179869184:"
                            + "glibc.malloc.arena_max=1:glibc.malloc.hugetlb=1"),
            8);

    private final Map<String, String> environment;
    private final int touchedGibibytes;

    Allocator(Map<String, String> environment, int touchedGibibytes) {
        this.environment = environment;
        this.touchedGibibytes = touchedGibibytes;
    }

    Map<String, String> environment() {
        return environment;
    }

    int touchedGibibytes() {
        return touchedGibibytes;
    }
}
