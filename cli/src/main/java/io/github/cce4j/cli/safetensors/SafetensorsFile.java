package io.github.cce4j.cli.safetensors;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** A safetensors file, mapped into memory: data is read when it is touched, and the file may be larger than memory. */
public final class SafetensorsFile implements AutoCloseable {
    private final Arena arena;
    private final MemorySegment data;
    private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();

    private SafetensorsFile(Arena arena, MemorySegment file) throws SafetensorsException {
        Header header = Header.parse(file);
        this.arena = arena;
        this.data = file.asSlice(header.dataOffset());
        header.tensors().forEach(tensor -> tensors.put(tensor.name(), tensor));
    }

    /**
     * Opens a file and checks its header.
     *
     * @throws SafetensorsException if it is not valid
     * @throws IOException          if it cannot be read
     */
    public static SafetensorsFile open(Path path) throws IOException {
        Arena arena = Arena.ofShared();
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            return new SafetensorsFile(arena, channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena));
        } catch (Throwable e) {
            arena.close();
            throw e;
        }
    }

    /** The tensors by name, in the order of their data. */
    public Map<String, TensorInfo> tensors() {
        return Collections.unmodifiableMap(tensors);
    }

    /** The data of a tensor: read-only, little-endian, row-major, valid until close, aligned as it is in the file. */
    public MemorySegment data(TensorInfo tensor) {
        return data.asSlice(tensor.begin(), tensor.byteSize());
    }

    @Override
    public void close() {
        arena.close();
    }
}
