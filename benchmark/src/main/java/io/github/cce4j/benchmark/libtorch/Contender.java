package io.github.cce4j.benchmark.libtorch;

import io.github.cce4j.DType;
import java.util.function.Consumer;

/** One of the two that compute the same loss and gradients from the same arrays. */
interface Contender {

    String name();

    DType dtype();

    /** Forward and backward with new gradient buffers; returns what it took. {@code look} sees the result before it is freed. */
    Cost step(Consumer<Result> look);
}
