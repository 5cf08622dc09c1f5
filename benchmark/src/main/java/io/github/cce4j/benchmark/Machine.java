package io.github.cce4j.benchmark;

import io.github.cce4j.Device;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.LocalDate;

/** Where and when something was measured. */
public record Machine(String processor, int processors, String kernels, String java, String date, String commit) {

    public static Machine here() throws IOException, InterruptedException {
        Device cpu = Device.cpu();
        return new Machine(
                cpu.name(),
                cpu.properties().multiprocessors(),
                cpu.kernels(),
                Runtime.version().toString(),
                LocalDate.now().toString(),
                checkedOutCommit());
    }

    /** With a "+" if the working tree has changes; "unknown" outside of a checkout. */
    private static String checkedOutCommit() throws IOException, InterruptedException {
        String described = output("git", "describe", "--always", "--dirty=+", "--exclude=*");
        return described.isEmpty() ? "unknown" : described;
    }

    private static String output(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        return process.waitFor() == 0 ? output : "";
    }
}
