package io.github.cce4j.benchmark.libtorch;

import io.github.cce4j.Device;
import io.github.cce4j.Library;
import io.github.cce4j.benchmark.Machine;
import io.github.cce4j.benchmark.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/**
 * CCE4J beside libtorch on the CPU: forward and backward of the head's loss, with the same inputs and the same number of
 * threads, turn by turn in one process. A process for every shape and {@link Allocator}, since malloc is set up when a
 * process starts. Arguments: folder for the results, then optionally rounds (7), threads (all), and shapes NxVxD.
 */
public final class Comparison {

    private static final List<Shape> SHAPES = List.of(new Shape(512, 128_256, 512), new Shape(256, 200_019, 256));
    private static final long SEED = 1;

    private Comparison() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
        Path folder = Files.createDirectories(Path.of(arguments[0]));
        int rounds = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 7;
        int threads = arguments.length > 2 ? Integer.parseInt(arguments[2]) : Library.cpuThreads();
        List<Shape> shapes = arguments.length > 3
                ? List.of(arguments).subList(3, arguments.length).stream().map(Shape::parse).toList()
                : SHAPES;

        List<Report.Run> runs = new ArrayList<>();
        for (Shape shape : shapes) {
            for (Allocator allocator : Allocator.values()) {
                System.out.println("NxVxD = " + shape + ", " + threads + " threads, allocator " + allocator);
                runs.add(new Report.Run(shape, allocator, measure(shape, threads, rounds, allocator, folder)));
            }
        }
        Report report = new Report(Machine.here(), threads, rounds, SEED, runs);
        JsonMapper.shared().writerWithDefaultPrettyPrinter().writeValue(folder.resolve("libtorch.json").toFile(), report);
        Files.writeString(folder.resolve("libtorch.md"), report.markdown());
        System.out.println(report.markdown());
        System.exit(report.agrees() ? 0 : 1);
    }

    private static List<Measured> measure(Shape shape, int threads, int rounds, Allocator allocator, Path folder)
            throws IOException, InterruptedException {
        Path file = Files.createTempFile(folder, "measured", ".json");
        long thirdOfMemory = Device.cpu().properties().totalMemory() / 3 >> 30;
        ProcessBuilder process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-Xmx512m",
                        "-Dorg.bytedeco.javacpp.maxbytes=0",
                        "-Dorg.bytedeco.javacpp.maxphysicalbytes=0",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Measurement.class.getName(),
                        shape.toString(),
                        Integer.toString(threads),
                        Integer.toString(rounds),
                        Long.toString(SEED),
                        Long.toString(Math.min(allocator.touchedGibibytes(), thirdOfMemory)),
                        file.toString())
                .inheritIO();
        process.environment().putAll(allocator.environment());
        // The pool of the one that waits must not take the processors from the other.
        process.environment().put("OMP_WAIT_POLICY", "passive");
        process.environment().put("OPENBLAS_THREAD_TIMEOUT", "4");
        if (process.start().waitFor() != 0) {
            throw new IllegalStateException("the measurement of " + shape + " failed; its message is above");
        }
        List<Measured> measured = JsonMapper.shared().readValue(file.toFile(), new TypeReference<>() {});
        Files.delete(file);
        return measured;
    }
}
