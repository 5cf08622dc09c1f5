package io.github.cce4j.internal.library;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExtractionTest {
    @TempDir
    private Path folder;

    private final byte[] content = new byte[100_000];
    private URL resource;
    private Path cache;

    @BeforeEach
    void writeResource() throws IOException {
        new Random().nextBytes(content);
        resource = Files.write(folder.resolve("resource"), content).toUri().toURL();
        cache = folder.resolve("new/cache");
    }

    @Test
    void extractsOnce() throws IOException {
        Path file = extract();
        assertArrayEquals(content, Files.readAllBytes(file));
        FileTime written = FileTime.fromMillis(1_000_000_000);
        Files.setLastModifiedTime(file, written);
        assertEquals(file, extract());
        assertEquals(written, Files.getLastModifiedTime(file), "the file was written again");
    }

    @Test
    void repairsWhatIsDamaged() throws IOException {
        Path file = extract();
        byte[] damaged = content.clone();
        damaged[500] ^= 1;
        Files.write(file, damaged);
        assertArrayEquals(content, Files.readAllBytes(extract()));
    }

    @Test
    void keepsOtherContentsApart() throws IOException {
        Path first = extract();
        content[7] ^= 1;
        Files.write(folder.resolve("resource"), content);
        Path second = extract();
        assertNotEquals(first, second);
        assertEquals(first.getFileName(), second.getFileName());
    }

    @Test
    void manyAtOnceLeaveOneWholeFile() throws Exception {
        try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
            for (Future<Path> file : threads.invokeAll(IntStream.range(0, 32)
                    .mapToObj(i -> (Callable<Path>) this::extract)
                    .toList())) {
                assertArrayEquals(content, Files.readAllBytes(file.get()));
            }
        }
        try (Stream<Path> files = Files.list(extract().getParent())) {
            assertEquals(2, files.count(), "the file and the lock");
        }
    }

    @Test
    void saysWhenTheCacheIsNoFolder() throws IOException {
        cache = Files.writeString(folder.resolve("file"), "in the way");
        assertThrows(IOException.class, this::extract);
    }

    private Path extract() throws IOException {
        return Extraction.extract(resource, cache, "1.2.3-linux-x86_64", "libcce.so");
    }
}
