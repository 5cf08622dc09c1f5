package io.github.cce4j.benchmark.filter;

import io.github.cce4j.cli.train.DroppedMass;
import java.util.Optional;

/**
 * Where a training ended.
 *
 * @param loss    mean loss of held-out text, in nats per token
 * @param dropped what the filter dropped on the way
 */
record TrainingEnd(double loss, Optional<DroppedMass> dropped) {}
