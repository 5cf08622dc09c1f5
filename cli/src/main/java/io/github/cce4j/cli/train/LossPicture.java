package io.github.cce4j.cli.train;

import io.github.cce4j.cli.train.LossCurve.Point;
import java.awt.BasicStroke;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Both loss curves as a PNG file, with the unigram model's loss to compare. */
final class LossPicture {
    private static final Color LIGHT = new Color(0x9ecae1);
    private static final Color DARK = new Color(0x08519c);
    private static final Color BASELINE = new Color(0xa63603);

    private static final BasicStroke DASHED =
            new BasicStroke(1.5f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_BEVEL, 0, new float[] {6, 4}, 0);

    private LossPicture() {
    }

    /** Writes the picture; {@code title} and the axes say what it shows. */
    static void write(Path file, String title, LossCurve curve, double unigramLoss) throws IOException {
        XYChart chart = new XYChartBuilder().width(1000).height(600).title(title)
                .xAxisTitle("steps").yAxisTitle("loss (nats per token)").build();
        chart.getStyler().setLegendPosition(LegendPosition.InsideSW).setChartBackgroundColor(Color.WHITE);
        chart.getStyler().setPlotGridLinesColor(new Color(0xe0e0e0)).setXAxisMin(0.0);

        add(chart, "training batches", curve.training(), LIGHT).setMarker(SeriesMarkers.NONE);
        add(chart, "held-out text", curve.heldOut(), DARK).setMarker(SeriesMarkers.CIRCLE);
        int steps = curve.training().getLast().step();
        List<Point> baseline = List.of(new Point(0, unigramLoss), new Point(steps, unigramLoss));
        add(chart, "unigram model, held-out text", baseline, BASELINE).setMarker(SeriesMarkers.NONE)
                .setLineStyle(DASHED);

        ImageIO.write(BitmapEncoder.getBufferedImage(chart), "png", file.toFile());
    }

    private static XYSeries add(XYChart chart, String name, List<Point> points, Color color) {
        XYSeries series = chart.addSeries(name,
                points.stream().mapToDouble(Point::step).toArray(), points.stream().mapToDouble(Point::loss).toArray());
        series.setMarkerColor(color).setLineColor(color);
        return series;
    }
}
