package io.github.cce4j.cli.train;

import java.io.PrintWriter;
import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.util.Locale;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** The progress bar: tokens a second, loss, time left. It moves on a terminal; elsewhere a line now and then. */
final class Progress implements AutoCloseable {
    private static final int LOG_INTERVAL_MILLIS = 10_000;
    private static final int LOG_WIDTH = 110;

    private final ProgressBar bar;
    private String lastLine;

    /**
     * @param tokens how many there will be
     * @param log    for the lines where there is no terminal
     */
    Progress(long tokens, PrintWriter log) {
        ProgressBarBuilder builder = ProgressBar.builder()
                .setTaskName("training")
                .setInitialMax(tokens)
                .setUnit(" tokens", 1)
                .showSpeed(new DecimalFormat("0", DecimalFormatSymbols.getInstance(Locale.ROOT)))
                .setStyle(ProgressBarStyle.ASCII);
        if (System.console() != null && System.console().isTerminal()) {
            builder.setConsumer(new ConsoleProgressBarConsumer(System.err));
        } else {
            builder.setConsumer(new DelegatingProgressBarConsumer(line -> log(line, log), LOG_WIDTH))
                    .setUpdateIntervalMillis(LOG_INTERVAL_MILLIS);
        }
        bar = builder.build();
    }

    private void log(String line, PrintWriter log) {
        if (!line.equals(lastLine)) {
            log.println(line);
            log.flush();
            lastLine = line;
        }
    }

    void step(Batch batch, double loss) {
        bar.setExtraMessage(String.format(Locale.ROOT, " loss %.3f", loss));
        bar.stepBy(batch.size());
    }

    @Override
    public void close() {
        bar.close();
    }
}
