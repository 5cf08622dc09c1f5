package io.github.cce4j.cli.train;

import io.github.cce4j.Device;
import io.github.cce4j.cli.Sizes;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;

/** What {@code cce4j train} tells on stdout. */
final class TrainingReport {
    private final PrintWriter out;
    private final long start = System.nanoTime();

    TrainingReport(PrintWriter out) {
        this.out = out;
    }

    void text(TokenizedText text) {
        Corpus corpus = text.corpus();
        line("text", "%s", corpus.source());
        line("", "%,d tokens to train on (%,d files), %,d tokens of other text held out (%,d files)",
                text.training().length, corpus.training().size(), text.heldOut().length, corpus.heldOut().size());
    }

    void model(TrainingOptions options, Device device, double smoothing, double unigramLoss) {
        line("model", "log-bilinear, context %d, dim %d; full softmax over %,d classes on %s (%s)",
                options.context, options.dim, Tokenizer.CLASSES, device, device.kernels());
        if (options.start == TrainingOptions.Start.UNIGRAM) {
            line("start",
                    "the unigram model (smoothed by %s): its log-probabilities are the bias, the classifier is zero;",
                    smoothing);
            line("", "held-out loss %.4f, perplexity %.1f", unigramLoss, Math.exp(unigramLoss));
        } else {
            line("start", "all tokens as likely: bias and classifier are zero");
        }
        line("training", "%,d steps of %,d tokens, %s, seed %d", options.steps, options.batch,
                options.optimizer.name().toLowerCase(Locale.ROOT), options.seed);
    }

    void results(LossCurve curve, int positions, double unigramLoss) {
        double loss = curve.heldOut().getLast().loss();
        line("held-out", "loss %.4f, perplexity %.1f; the unigram model's %.4f, %.1f (over %,d positions)",
                loss, Math.exp(loss), unigramLoss, Math.exp(unigramLoss), positions);
    }

    void filter(DroppedMass dropped) {
        line("filter", "dropped %.3g of the softmax mass from dE, %.3g from dC, mean of %,d steps",
                dropped.embeddings(), dropped.classifier(), dropped.steps());
        line("", "dE was exact in %,d steps, dC in %,d", dropped.embeddingsExact(),
                dropped.classifierExact());
    }

    void memory(long peakBytes, int batch, int classes) {
        long logits = (long) batch * classes * Float.BYTES;
        line("memory", "the loss took %s at most; the logits would have taken %s, with their gradient %s",
                Sizes.format(peakBytes), Sizes.format(logits), Sizes.format(2 * logits));
    }

    void picture(Path file) {
        line("picture", "%s", file);
    }

    void noPicture(Throwable e) {
        line("picture", "none, it could not be drawn (%s); if for want of fonts, 'apt install fontconfig' helps",
                e.getMessage());
    }

    void saved(Path file, double loss, String device) {
        line("saved", "%s: head and a held-out batch, loss %s. To score it:", file, Float.toString((float) loss));
        line("", "./cce4j loss --no-gradients --device %s --input %s", device, quote(file.toString()));
    }

    /** As a shell's word. */
    private static String quote(String path) {
        return path.matches("[\\w./+:@%,=-]+") ? path : "'" + path.replace("'", "'\\''") + "'";
    }

    void time() {
        line("time", "%.0f s", (System.nanoTime() - start) / 1e9);
    }

    private void line(String label, String format, Object... values) {
        out.printf(Locale.ROOT, "%-10s%s%n", label, String.format(Locale.ROOT, format, values));
        out.flush();
    }
}
