package io.github.cce4j.cli;

import io.github.cce4j.CceException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/** Every error is one line on stderr and an exit code: 2 for bad input, 1 for a failure. The stack if asked for. */
final class Errors implements IParameterExceptionHandler, IExecutionExceptionHandler {
    static final int FAILURE = 1;
    static final int BAD_INPUT = 2;

    private final Main main;

    Errors(Main main) {
        this.main = main;
    }

    @Override
    public int handleParseException(ParameterException e, String[] arguments) {
        CommandLine command = e.getCommandLine();
        report(command, e.getMessage() + " (see " + command.getCommandSpec().qualifiedName() + " --help)", e);
        return BAD_INPUT;
    }

    @Override
    public int handleExecutionException(Exception e, CommandLine command, ParseResult parsed) {
        report(command, message(e), e);
        return isBadInput(e) ? BAD_INPUT : FAILURE;
    }

    private void report(CommandLine command, String message, Exception e) {
        command.getErr().println("cce4j: " + message.strip().replaceAll("\\s*\\R\\s*", "; "));
        if (main.verbose) {
            e.printStackTrace(command.getErr());
        }
        command.getErr().flush();
    }

    private static boolean isBadInput(Exception e) {
        return switch (e) {
            case BadInputException bad -> true;
            case CceException cce -> switch (cce.status()) {
                case INVALID_ARGUMENT, TARGET, NO_DEVICE -> true;
                default -> false;
            };
            default -> false;
        };
    }

    static String message(Exception e) {
        return switch (e) {
            case NoSuchFileException missing -> "no such file or folder: " + missing.getFile();
            case AccessDeniedException denied -> "access denied: " + denied.getFile();
            case FileSystemException file -> file.getFile() + ": " + file.getReason();
            case BadInputException bad -> bad.getMessage();
            case CceException cce -> cce.getMessage();
            case CommandLine.ExecutionException execution -> execution.getMessage();
            default -> e.getClass().getSimpleName() + (e.getMessage() == null ? "" : ": " + e.getMessage());
        };
    }
}
