package io.github.cce4j.benchmark.filter;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/** What gradient filters do to the training of {@code cce4j train}. */
@Command(name = "benchmark/run filter", mixinStandardHelpOptions = true,
        description = "What gradient filters do to the training of cce4j train.",
        subcommands = {ErrorsCommand.class, LossesCommand.class})
public final class FilterStudy {

    private FilterStudy() {}

    /** The command line, ready to run. */
    static CommandLine commandLine() {
        return new CommandLine(new FilterStudy())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setUsageHelpAutoWidth(true)
                .registerConverter(StudiedFilter.class, StudiedFilter::parse);
    }

    public static void main(String[] arguments) {
        // Pictures are drawn into files; there may be no display.
        System.setProperty("java.awt.headless", "true");
        System.exit(commandLine().execute(arguments));
    }
}
