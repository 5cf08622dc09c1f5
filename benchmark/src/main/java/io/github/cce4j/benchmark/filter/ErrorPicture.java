package io.github.cce4j.benchmark.filter;

import java.awt.Color;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Four panels over the threshold as a PNG file, a line for each moment of the training, later ones darker. */
final class ErrorPicture {

    private static final Color FIRST = new Color(0xfdae6b);
    private static final Color LAST = new Color(0x3f007d);

    private ErrorPicture() {}

    static void write(Path file, List<FilterError> errors) throws IOException {
        List<XYChart> panels = List.of(
                panel("softmax mass dropped (%)", false, errors, error -> 100 * error.dropped().classifierMean()),
                panel("classes whose dC is lost (%)", false, errors, error -> 100 * error.lostClasses()),
                panel("relative error of dC (%)", true, errors, error -> 100 * error.classifier()),
                panel("relative error of dE (%)", true, errors, error -> 100 * error.embeddings()));
        // One legend serves all: here it hides no line, and no series is missing.
        panels.stream().filter(panel -> panel != panels.get(1)).forEach(
                panel -> panel.getStyler().setLegendVisible(false));
        BitmapEncoder.saveBitmap(panels, 2, 2, file.toString(), BitmapFormat.PNG);
    }

    private static XYChart panel(
            String title, boolean logarithmic, List<FilterError> errors, ToDoubleFunction<FilterError> value) {
        XYChart chart = new XYChartBuilder().width(600).height(420).title(title).xAxisTitle("log2 of the threshold").build();
        chart.getStyler().setYAxisLogarithmic(logarithmic).setPlotGridLinesColor(new Color(0xe0e0e0))
                .setYAxisDecimalPattern(logarithmic ? "0.#####" : "0")
                .setLegendPosition(LegendPosition.InsideSE).setChartBackgroundColor(Color.WHITE);
        int[] steps = errors.stream().mapToInt(FilterError::step).distinct().toArray();
        for (int i = 0; i < steps.length; i++) {
            int step = steps[i];
            // A logarithm has no place for zeros, and an error of nothing is none.
            List<FilterError> shown = errors.stream()
                    .filter(error -> error.step() == step)
                    .filter(error -> logarithmic ? value.applyAsDouble(error) > 0 : true)
                    .toList();
            if (!shown.isEmpty()) {
                chart.addSeries(
                                String.format(Locale.ROOT, step == 1 ? "%d step" : "%d steps", step),
                                shown.stream().mapToDouble(FilterError::log2Threshold).toArray(),
                                shown.stream().mapToDouble(value).toArray())
                        .setMarker(SeriesMarkers.CIRCLE)
                        .setMarkerColor(between(i, steps.length - 1))
                        .setLineColor(between(i, steps.length - 1));
            }
        }
        return chart;
    }

    private static Color between(int i, int last) {
        float share = last == 0 ? 1 : (float) i / last;
        return new Color(
                Math.round(FIRST.getRed() + share * (LAST.getRed() - FIRST.getRed())),
                Math.round(FIRST.getGreen() + share * (LAST.getGreen() - FIRST.getGreen())),
                Math.round(FIRST.getBlue() + share * (LAST.getBlue() - FIRST.getBlue())));
    }
}
