package io.github.cce4j.internal.library;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.concurrent.locks.LockSupport;

/**
 * Puts a library out of a jar into a cache, once for all processes. Its folder is named by version, platform and
 * checksum, so versions live side by side and a file never changes under a process that has it loaded.
 */
final class Extraction {
    private static final int CHECKSUM_BYTES = 8;

    private Extraction() {}

    static Path extract(URL resource, Path cache, String versionAndPlatform, String fileName) throws IOException {
        byte[] content;
        try (InputStream stream = resource.openStream()) {
            content = stream.readAllBytes();
        }
        Path folder = cache.resolve(versionAndPlatform + "-" + checksum(content));
        Path file = folder.resolve(fileName);
        if (!holds(file, content)) {
            Files.createDirectories(folder);
            try (FileChannel channel = FileChannel.open(
                    folder.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
                lock(channel);
                if (!holds(file, content)) { // another process may have been faster
                    write(file, content);
                }
            }
        }
        return file;
    }

    private static boolean holds(Path file, byte[] content) throws IOException {
        return Files.isRegularFile(file)
                && Files.size(file) == content.length
                && Arrays.equals(Files.readAllBytes(file), content);
    }

    /** Others see the whole file or none: it is written beside and then moved in one step. */
    private static void write(Path file, byte[] content) throws IOException {
        Path part = file.resolveSibling(file.getFileName() + ".part");
        try {
            Files.write(part, content);
            Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(part);
        }
    }

    /**
     * Keeps other processes out until the channel is closed. Within this process a lock is refused if another thread or
     * another class loader's copy of this class has it.
     */
    private static void lock(FileChannel channel) throws IOException {
        while (true) {
            try {
                channel.lock();
                return;
            } catch (OverlappingFileLockException e) {
                LockSupport.parkNanos(10_000_000);
            }
        }
    }

    private static String checksum(byte[] content) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(content);
            return HexFormat.of().formatHex(digest, 0, CHECKSUM_BYTES);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }
}
