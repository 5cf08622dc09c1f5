package io.github.cce4j.test.cases;

/** Sizes of a problem: embeddings are (time, hidden) or, for sequences, (batch, time, hidden). */
public record Shape(boolean sequences, int batch, int time, int classes, int hidden) {

    public static Shape rows(int rows, int classes, int hidden) {
        return new Shape(false, 1, rows, classes, hidden);
    }

    public static Shape sequences(int batch, int time, int classes, int hidden) {
        return new Shape(true, batch, time, classes, hidden);
    }

    public int tokens() {
        return batch * time;
    }

    public long[] embeddings() {
        return sequences ? new long[] {batch, time, hidden} : new long[] {time, hidden};
    }

    public long[] targets() {
        return sequences ? new long[] {batch, time} : new long[] {time};
    }

    public long[] classifier() {
        return new long[] {classes, hidden};
    }

    public long[] positions(int shift) {
        return sequences ? new long[] {batch, time - shift} : new long[] {time - shift};
    }

    @Override
    public String toString() {
        return (sequences ? batch + "x" + time : "" + time) + "/V" + classes + "/D" + hidden;
    }
}
