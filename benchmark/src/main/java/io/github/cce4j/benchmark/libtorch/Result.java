package io.github.cce4j.benchmark.libtorch;

import io.github.cce4j.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The loss and the gradients of one step. */
record Result(double loss, Array embeddings, Array classifier) {

    /** Elements of {@code dtype} in native memory. */
    record Array(DType dtype, MemorySegment memory) {

        private long length() {
            return memory.byteSize() / dtype.bytes();
        }

        private double get(long index) {
            return switch (dtype) {
                case F32 -> memory.getAtIndex(ValueLayout.JAVA_FLOAT, index);
                case BF16 -> Float.intBitsToFloat(memory.getAtIndex(ValueLayout.JAVA_SHORT, index) << 16);
                default -> throw new IllegalArgumentException("no array of " + dtype);
            };
        }

        /** ||this - reference|| / ||reference||. */
        double relativeError(Array reference) {
            double difference = 0;
            double norm = 0;
            for (long i = 0; i < length(); i++) {
                double expected = reference.get(i);
                double error = get(i) - expected;
                difference += error * error;
                norm += expected * expected;
            }
            return Math.sqrt(difference / norm);
        }
    }
}
