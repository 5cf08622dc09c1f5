package io.github.cce4j.cli.safetensors;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.UUID;

/**
 * A safetensors file in the making, mapped into memory. It appears under its name, complete, with {@link #commit};
 * closed without that, it leaves nothing behind.
 */
public final class SafetensorsWriter implements AutoCloseable {
    private static final int ZEROS = 1 << 20;

    private final Path target;
    private final Path temporary;
    private final Header header;
    private final Arena arena = Arena.ofShared();
    private MemorySegment file;

    private SafetensorsWriter(Path target, Header header) {
        this.target = target;
        this.temporary = target.resolveSibling("." + target.getFileName() + "." + UUID.randomUUID() + ".part");
        this.header = header;
    }

    /**
     * Begins a file with these tensors, which are zero until {@link #data} is written.
     *
     * @throws IOException if there is no room for it, or the folder cannot be written
     */
    public static SafetensorsWriter create(Path target, List<TensorInfo> tensors) throws IOException {
        if (Files.exists(target) && !Files.isRegularFile(target)) {
            throw new FileAlreadyExistsException(target.toString(), null, "not a regular file");
        }
        SafetensorsWriter writer = new SafetensorsWriter(target.toAbsolutePath(), Header.place(tensors));
        try {
            writer.map();
            return writer;
        } catch (Throwable e) {
            writer.close();
            throw e;
        }
    }

    private void map() throws IOException {
        try (FileChannel channel = FileChannel.open(temporary,
                StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            // For an end by a signal; close does it otherwise.
            temporary.toFile().deleteOnExit();
            writeFully(channel, ByteBuffer.wrap(header.encode()));
            // Really written: on a full disk a hole in the file would become a fatal signal, this is an IOException.
            ByteBuffer zeros = ByteBuffer.allocateDirect(ZEROS);
            for (long left = header.fileBytes() - header.dataOffset(); left > 0; left -= ZEROS) {
                writeFully(channel, zeros.clear().limit((int) Math.min(left, ZEROS)));
            }
            file = channel.map(FileChannel.MapMode.READ_WRITE, 0, header.fileBytes(), arena);
        }
    }

    private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    /** Where a tensor's data goes: little-endian, row-major, aligned to its elements, valid until commit or close. */
    public MemorySegment data(String name) {
        for (TensorInfo tensor : header.tensors()) {
            if (tensor.name().equals(name)) {
                return file.asSlice(header.dataOffset() + tensor.begin(), tensor.byteSize());
            }
        }
        throw new IllegalArgumentException("no tensor '" + name + "' in " + header.tensors());
    }

    /** Makes the file durable and gives it its name, replacing a file that had it. */
    public void commit() throws IOException {
        file.force();
        Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    @Override
    public void close() throws IOException {
        if (arena.scope().isAlive()) {
            arena.close();
            Files.deleteIfExists(temporary);
        }
    }
}
