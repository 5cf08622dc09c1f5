package io.github.cce4j.cli.train;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** How the loss fell: of each training batch, and now and then of held-out text. In nats per token. */
final class LossCurve {
    /** A loss after so many steps. */
    record Point(int step, double loss) {
    }

    private final List<Point> training = new ArrayList<>();
    private final List<Point> heldOut = new ArrayList<>();

    void addTraining(int step, double loss) {
        training.add(new Point(step, loss));
    }

    void addHeldOut(int step, double loss) {
        heldOut.add(new Point(step, loss));
    }

    /** Writes all points as a table with the columns step, text and loss, the losses in full precision. */
    void writeCsv(Path file) throws IOException {
        List<String> lines = new ArrayList<>(List.of("step,text,loss"));
        training.forEach(point -> lines.add(point.step() + ",training," + point.loss()));
        heldOut.forEach(point -> lines.add(point.step() + ",held-out," + point.loss()));
        Files.write(file, lines);
    }

    List<Point> training() {
        return List.copyOf(training);
    }

    List<Point> heldOut() {
        return List.copyOf(heldOut);
    }
}
