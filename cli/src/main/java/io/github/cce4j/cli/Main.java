package io.github.cce4j.cli;

import io.github.cce4j.GradientFilter;
import io.github.cce4j.cli.train.TrainCommand;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** The command {@code cce4j}. */
@Command(name = "cce4j",
        description = "Cut Cross-Entropy: the loss of a language-model head and its gradients, without the logits.",
        subcommands = {InfoCommand.class, LossCommand.class, TrainCommand.class},
        versionProvider = Version.class, mixinStandardHelpOptions = true, scope = ScopeType.INHERIT,
        sortOptions = false,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:done", "1:failure: the library, the device, memory, a file that cannot be written",
            "2:bad input: options, files, tensors"})
public final class Main {
    @Option(names = "--verbose", scope = ScopeType.INHERIT, description = "Show the stack of an error.")
    boolean verbose;

    private Main() {
    }

    /** The command line, ready to run; commands print to its writers. */
    static CommandLine commandLine() {
        Main main = new Main();
        CommandLine commandLine = new CommandLine(main);
        Errors errors = new Errors(main);
        return commandLine
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setUsageHelpAutoWidth(true)
                .setParameterExceptionHandler(errors)
                .setExecutionExceptionHandler(errors)
                .setExecutionStrategy(Main::execute)
                .registerConverter(GradientFilter.class, new FilterConverter());
    }

    private static int execute(CommandLine.ParseResult parsed) {
        try {
            return new CommandLine.RunLast().execute(parsed);
        } catch (OutOfMemoryError e) {
            throw new CommandLine.ExecutionException(parsed.commandSpec().commandLine(),
                    "not enough memory for Java (" + e.getMessage() + "); JDK_JAVA_OPTIONS=-Xmx... gives it more", e);
        }
    }

    public static void main(String[] arguments) {
        // Pictures are drawn into files; there may be no display.
        System.setProperty("java.awt.headless", "true");
        System.exit(commandLine().execute(arguments));
    }
}
