package io.github.cce4j.benchmark.filter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FilterStudyTest {

    @TempDir
    private Path folder;

    @BeforeEach
    void writeText() throws IOException {
        Files.writeString(folder.resolve("text.txt"), "one two three four five six\n".repeat(50));
    }

    private void run(String... words) {
        Stream<Object> training = Stream.of(
                "--device", "cpu", "--text", folder.resolve("text.txt"), "--steps", 2, "--batch", 16, "--dim", 4,
                "--context", 2, "--out", folder);
        String[] arguments = Stream.concat(Stream.of(words), training).map(Object::toString).toArray(String[]::new);
        assertEquals(0, FilterStudy.commandLine().execute(arguments));
    }

    @Test
    void errorsAreMeasuredAlongATraining() throws IOException {
        run("errors");
        List<String> lines = Files.readAllLines(folder.resolve("filter-errors.csv"));
        assertEquals(FilterError.CSV_HEADER, lines.getFirst());
        assertEquals(
                List.of("0", "1", "2"), lines.stream().skip(1).map(line -> line.split(",")[0]).distinct().toList());
        double largest = Double.parseDouble(lines.get(1).split(",")[3]);
        assertTrue(largest > 0 && largest < 1, lines.get(1));
        BufferedImage picture = ImageIO.read(folder.resolve("filter-errors.png").toFile());
        assertTrue(picture.getWidth() > 1000 && picture.getHeight() > 700);
    }

    @Test
    void trainingsAreComparedOverSeeds() throws IOException {
        run("losses", "--seeds", "2", "--filters", "none,0x1p-12:1e-9");
        List<String> lines = Files.readAllLines(folder.resolve("filter-losses.md"));
        String[] exact = lines.get(4).split(" \\| ");
        String[] limited = lines.get(5).split(" \\| ");
        assertEquals(exact[1], limited[1], "the limit makes every step exact");
        assertEquals("[2, 2], [2, 2] |", limited[limited.length - 1]);
    }

    @Test
    void stepsToMeasureGrowBy125() {
        assertEquals(Set.of(0), ErrorsCommand.oneTwoFive(0));
        assertEquals(Set.of(0, 1, 2, 5, 10, 20), ErrorsCommand.oneTwoFive(49));
    }
}
