package io.github.cce4j.cli.train;

import io.github.cce4j.FilterReport;

/** What the filter dropped over the steps of a training. A step that was exact dropped nothing. */
public final class DroppedMass {
    private int steps;
    private double embeddings;
    private double classifier;
    private int embeddingsExact;
    private int classifierExact;

    void add(FilterReport report) {
        steps++;
        embeddings += report.embeddingsMean();
        classifier += report.classifierMean();
        embeddingsExact += report.embeddingsExact() ? 1 : 0;
        classifierExact += report.classifierExact() ? 1 : 0;
    }

    /** The steps so far. */
    public int steps() {
        return steps;
    }

    /** The softmax mass that the embeddings' gradient lacked, mean over positions and steps. */
    public double embeddings() {
        return embeddings / steps;
    }

    /** The softmax mass that the gradients of classifier and bias lacked, mean over positions and steps. */
    public double classifier() {
        return classifier / steps;
    }

    /** In how many steps the embeddings' gradient was exact. */
    public int embeddingsExact() {
        return embeddingsExact;
    }

    /** In how many steps the gradients of classifier and bias were exact. */
    public int classifierExact() {
        return classifierExact;
    }
}
