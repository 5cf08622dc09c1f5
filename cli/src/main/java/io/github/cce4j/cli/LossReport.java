package io.github.cce4j.cli;

import io.github.cce4j.FilterReport;

/**
 * The line that {@code cce4j loss} prints.
 *
 * @param loss         the loss; the sum of the losses for reduction none
 * @param tokens       positions that counted, the ignored ones left out
 * @param milliseconds of forward and backward
 * @param peakBytes    most memory allocated on the device; mapped files are not allocated
 * @param filter       null without gradients or without a filter
 */
record LossReport(Number loss, long tokens, String device, double milliseconds, long peakBytes, FilterReport filter) {
}
