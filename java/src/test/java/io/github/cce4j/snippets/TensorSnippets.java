package io.github.cce4j.snippets;

import io.github.cce4j.DType;
import io.github.cce4j.Device;
import io.github.cce4j.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The examples in the documentation of tensors. */
final class TensorSnippets {
    private TensorSnippets() {}

    static float[] tensor() {
        // @start region="tensor"
        Device device = Device.best();
        float[] values = {1, 2, 3, 4, 5, 6};
        try (Tensor weights = Tensor.copyOf(device, DType.BF16, values, 2, 3)) { // rounds to bfloat16
            float[] back = weights.as(6).toFloats(); // the same memory with another shape
            // @end
            return back;
        }
    }

    static float view() {
        // @start region="view"
        try (Arena arena = Arena.ofShared()) {
            MemorySegment memory = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1, 2, 3, 4, 5, 6);
            Tensor table = Tensor.view(DType.F32, memory, 2, 3); // no copy, and nothing to close
            memory.setAtIndex(ValueLayout.JAVA_FLOAT, 5, 60); // seen through the tensor
            float[] row = table.toFloats();
            // @end
            return row[5];
        }
    }

    static long dtype() {
        // @start region="dtype"
        long vocabulary = 256_000;
        long hidden = 2304;
        long bytes = vocabulary * hidden * DType.BF16.bytes(); // 1.2 GB
        // @end
        return bytes;
    }
}
