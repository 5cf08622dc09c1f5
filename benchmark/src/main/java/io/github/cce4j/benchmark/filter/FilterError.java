package io.github.cce4j.benchmark.filter;

import io.github.cce4j.FilterReport;
import java.util.Locale;

/**
 * What a filter does to the gradients of one batch.
 *
 * @param step        steps of training before it
 * @param threshold   of both gradients
 * @param embeddings  ||dE - exact|| / ||exact||; NaN where the exact gradient is zero
 * @param classifier  the same of dC
 * @param lostClasses share of the classes whose row of dC became zero
 * @param dropped     what the library tells about it
 */
record FilterError(
        int step, double threshold, double embeddings, double classifier, double lostClasses, FilterReport dropped) {

    static final String CSV_HEADER = "step,log2_threshold,embeddings_error,classifier_error,lost_classes,"
            + "embeddings_dropped_mean,embeddings_dropped_worst,classifier_dropped_mean,classifier_dropped_worst";

    String csv() {
        return String.format(
                Locale.ROOT,
                "%d,%.4g,%.5g,%.5g,%.5g,%.5g,%.5g,%.5g,%.5g",
                step,
                log2Threshold(),
                embeddings,
                classifier,
                lostClasses,
                dropped.embeddingsMean(),
                dropped.embeddingsWorst(),
                dropped.classifierMean(),
                dropped.classifierWorst());
    }

    double log2Threshold() {
        return Math.log(threshold) / Math.log(2);
    }
}
