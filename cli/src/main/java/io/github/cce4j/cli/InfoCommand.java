package io.github.cce4j.cli;

import io.github.cce4j.cli.InfoReport.DeviceReport;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code cce4j info}. */
@Command(name = "info", description = "Show the version, the native library and the devices.")
final class InfoCommand implements Callable<Integer> {
    @Option(names = "--json", description = "As JSON; memory in bytes.")
    boolean json;

    @Spec
    CommandSpec spec;

    @Override
    public Integer call() {
        InfoReport report = InfoReport.collect();
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(Json.indented(report));
        } else {
            print(report, out);
        }
        out.flush();
        return 0;
    }

    private static void print(InfoReport report, PrintWriter out) {
        line(out, "cce4j", report.version());
        line(out, "java", report.java().version() + ", " + report.java().home());
        line(out, "library", report.library().version() + ", " + report.library().path());
        line(out, "found by", report.library().source());
        line(out, "threads", Integer.toString(report.cpuThreads()));
        for (DeviceReport device : report.devices()) {
            out.println();
            line(out, device.device(), device.name());
            line(out, "  kernels", device.kernels());
            line(out, "  features", device.features());
            line(out, "  memory",
                    Sizes.format(device.totalMemory()) + ", " + Sizes.format(device.freeMemory()) + " free");
            if (device.driver() != null) {
                line(out, "  driver", device.driver());
                line(out, "  multiprocessors", device.multiprocessors().toString());
            }
        }
    }

    private static void line(PrintWriter out, String label, String value) {
        out.printf("%-18s%s%n", label, value);
    }
}
