package io.github.cce4j.cli.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.github.cce4j.cli.safetensors.ElementType;
import io.github.cce4j.cli.safetensors.SafetensorsWriter;
import io.github.cce4j.cli.safetensors.TensorInfo;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;

/** The head and a batch of hidden states as the input file of {@code cce4j loss}. */
final class HeldOutBatch {
    private HeldOutBatch() {
    }

    static void write(Path file, LanguageModel model, Batch batch) throws IOException {
        float[] hidden = model.body().forward(batch);
        int[] targets = batch.targets();
        MemorySegment classifier = model.head().classifier().hostValues();
        MemorySegment bias = model.head().bias().hostValues();
        long classes = bias.byteSize() / Float.BYTES;
        int dim = hidden.length / targets.length;
        try (SafetensorsWriter writer = SafetensorsWriter.create(file, List.of(
                TensorInfo.of("embeddings", ElementType.F32, targets.length, dim),
                TensorInfo.of("classifier", ElementType.F32, classes, dim),
                TensorInfo.of("bias", ElementType.F32, classes),
                TensorInfo.of("targets", ElementType.I32, targets.length)))) {
            MemorySegment.copy(hidden, 0, writer.data("embeddings"), JAVA_FLOAT, 0, hidden.length);
            writer.data("classifier").copyFrom(classifier);
            writer.data("bias").copyFrom(bias);
            MemorySegment.copy(targets, 0, writer.data("targets"), JAVA_INT, 0, targets.length);
            writer.commit();
        }
    }
}
