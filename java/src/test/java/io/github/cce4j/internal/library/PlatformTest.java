package io.github.cce4j.internal.library;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class PlatformTest {
    @Test
    void namesAreThoseOfTheJars() {
        assertTrue(Platform.SUPPORTED.contains(Platform.name("Linux", "amd64")));
        assertTrue(Platform.SUPPORTED.contains(Platform.name("Linux", "aarch64")));
        assertEquals("mac_os_x-aarch64", Platform.name("Mac OS X", "arm64"));
        assertEquals("linux-riscv64", Platform.name("Linux", "riscv64"));
    }
}
