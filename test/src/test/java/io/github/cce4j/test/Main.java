package io.github.cce4j.test;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectPackage;
import static org.junit.platform.launcher.TagFilter.excludeTags;
import static org.junit.platform.launcher.TagFilter.includeTags;

import io.github.cce4j.Device;
import java.io.PrintStream;
import java.util.stream.Collectors;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Runs the contract suite on a machine that has neither Maven nor a JDK: every test with the tag "contract". Exit code
 * 0 if all passed, 1 if some failed, 2 if there was none to run.
 */
public final class Main {

    /**
     * With this property set to what CCE_KERNEL forces, only the tests with the tag "kernels" run, and only on the
     * devices that this family serves.
     */
    public static final String FAMILY = "cce4j.family";

    public static final int NO_SUCH_FAMILY = 3;

    private Main() {}

    public static void main(String[] arguments) {
        String family = System.getProperty(FAMILY);
        if (family != null) {
            String served = Device.all().stream().filter(device -> device.kernels().equals(family))
                    .map(Device::toString).collect(Collectors.joining(","));
            if (served.isEmpty()) {
                System.exit(NO_SUCH_FAMILY);
            }
            System.setProperty(Devices.PROPERTY, served);
        }
        LauncherDiscoveryRequest request = LauncherDiscoveryRequestBuilder.request()
                .selectors(selectPackage(Main.class.getPackageName()))
                .filters(includeTags(family == null ? "contract" : "kernels"), excludeTags("toolchain"))
                .build();
        Outcome outcome = new Outcome();
        LauncherFactory.create().execute(request, outcome);
        System.exit(outcome.failed > 0 ? 1 : outcome.passed == 0 ? 2 : 0);
    }

    /** Counts, and prints what failed. {@link Summary}, which every launcher finds by itself, prints the rest. */
    private static final class Outcome implements TestExecutionListener {
        private int passed;
        private int failed;

        @Override
        public void executionFinished(TestIdentifier test, TestExecutionResult result) {
            if (result.getStatus() == TestExecutionResult.Status.SUCCESSFUL && test.isTest()) {
                passed++;
            } else if (result.getStatus() == TestExecutionResult.Status.FAILED) {
                failed++;
                report(test, result, System.out);
            }
        }

        private static void report(TestIdentifier test, TestExecutionResult result, PrintStream out) {
            out.println("FAILED " + test.getUniqueId());
            result.getThrowable().ifPresent(failure -> failure.printStackTrace(out));
        }
    }
}
