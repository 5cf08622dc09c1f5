package io.github.cce4j.test.abi;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.cce4j.Device;
import io.github.cce4j.Library;
import io.github.cce4j.bindings.cce_h;
import io.github.cce4j.test.ClassFolder;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The library exports what is bound and needs nothing that a user must install; no JNI anywhere. */
@Tag("contract")
class LibraryFileTest {

    /** The C library, in one file or in several as before glibc 2.34, and its loader. */
    private static final Set<String> C_LIBRARY = Set.of("libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2",
            "librt.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1");

    private final ElfFile library = new ElfFile(Library.load().path());

    @Test
    void exportsTheBoundFunctionsAndNothingElse() {
        assertEquals(Bindings.functions().keySet(), library.exportedSymbols());
    }

    @Test
    void needsTheCLibraryAlone() {
        Set<String> others = new TreeSet<>(library.neededLibraries());
        others.removeAll(C_LIBRARY);
        assertEquals(Set.of(), others);
    }

    @Test
    void noMethodIsNative() {
        List<String> natives = Stream.of(Device.class, cce_h.class)
                .flatMap(type -> ClassFolder.of(type).classes().stream())
                .flatMap(type -> Arrays.stream(type.getDeclaredMethods()))
                .filter(method -> Modifier.isNative(method.getModifiers())).map(Object::toString).toList();
        assertEquals(List.of(), natives);
    }
}
