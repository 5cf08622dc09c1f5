package io.github.cce4j.test.contract;

import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.github.cce4j.Device;
import io.github.cce4j.test.Jvm;
import io.github.cce4j.test.Main;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/** The tests of the kernels once more, in a JVM each, for every family that the devices have but do not choose. */
@Tag("contract")
class KernelFamiliesTest {

    private static final List<String> FAMILIES = List.of("amx", "avx512", "avx2", "neon", "generic", "cuda-sm90",
            "cuda-sm80", "cuda-plain");

    @TestFactory
    Stream<DynamicTest> everyFamilyKeepsTheContract() {
        return FAMILIES.stream().map(family -> dynamicTest(family, () -> run(family)));
    }

    private static void run(String family) {
        Assumptions.assumeTrue(Device.all().stream().noneMatch(device -> device.kernels().equals(family)),
                "the family " + family + " is the one that this run uses");
        Jvm.Ended ended = Jvm.likeThisOne().environment("CCE_KERNEL", family).property(Main.FAMILY, family)
                .run(Main.class.getName());
        Assumptions.assumeTrue(ended.exitCode() != Main.NO_SUCH_FAMILY,
                "no device here has the kernel family " + family);
        ended.requireSuccess();
        System.out.println(ended.output().lines().filter(line -> line.startsWith("CUDA devices")).findFirst()
                .orElseThrow());
    }
}
