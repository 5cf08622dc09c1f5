package io.github.cce4j;

/**
 * What a device is, as {@link Device#properties()} found it.
 *
 * {@snippet class="io.github.cce4j.snippets.DeviceSnippets" region="properties"}
 *
 * @param totalMemory bytes of memory in all
 * @param freeMemory bytes that were free at the time of the call
 * @param computeMajor major number of the CUDA compute capability; 0 on the CPU
 * @param computeMinor minor number of the CUDA compute capability; 0 on the CPU
 * @param multiprocessors CUDA multiprocessors; on the CPU the processors that this process may use
 * @param driverVersion what the CUDA driver supports, 1000 * major + 10 * minor; 0 on the CPU
 */
public record DeviceProperties(
        long totalMemory,
        long freeMemory,
        int computeMajor,
        int computeMinor,
        int multiprocessors,
        int driverVersion) {}
