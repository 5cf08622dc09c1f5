package io.github.cce4j.cli.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.cce4j.cli.Cli;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainCommandTest {
    private static final Pattern HELD_OUT = Pattern.compile("held-out +loss ([0-9.]+).*unigram model's ([0-9.]+)");
    private static final Pattern FILTER =
            Pattern.compile("filter +dropped (\\S+) of the softmax mass from dE, (\\S+) from dC, mean of 20 steps");
    private static final Pattern EXACT =
            Pattern.compile("dE was exact in (\\d+) steps, dC in (\\d+)");
    private static final Pattern SAVED = Pattern.compile("loss (\\S+)\\. To score it");

    @TempDir
    Path folder;
    private Path text;

    @BeforeEach
    void writeText() throws IOException {
        text = folder.resolve("text");
        Files.createDirectories(text);
        Random random = new Random(1);
        String[] pairs = {"one two ", "three four ", "five six ", "seven eight "};
        for (int i = 0; i < 20; i++) {
            StringBuilder words = new StringBuilder();
            random.ints(100, 0, pairs.length).forEach(word -> words.append(pairs[word]));
            Files.writeString(text.resolve(i + ".txt"), words);
        }
    }

    @Test
    void learnsTheSameEachTimeAndSavesWhatLossScoresTheSame() throws IOException {
        String first = train("first", 7);
        String second = train("second", 7);
        train("other", 8);
        assertEquals(-1, Files.mismatch(file("first/losses.csv"), file("second/losses.csv")));
        assertEquals(-1, Files.mismatch(file("first/heldout.safetensors"), file("second/heldout.safetensors")));
        assertNotEquals(-1, Files.mismatch(file("first/losses.csv"), file("other/losses.csv")));

        Matcher heldOut = find(HELD_OUT, first);
        assertTrue(Double.parseDouble(heldOut.group(1)) < 0.8 * Double.parseDouble(heldOut.group(2)), first);

        BufferedImage picture = ImageIO.read(file("first/loss.png").toFile());
        assertTrue(picture.getWidth() > 500 && picture.getHeight() > 300);

        Cli scored = Cli.run("loss", "--device", "cpu", "--no-gradients", "--input", file("first/heldout.safetensors"));
        assertEquals(Float.parseFloat(find(SAVED, second).group(1)), scored.json().at("/loss").floatValue());
    }

    @Test
    void aFilterTellsWhatItDroppedAndALimitMakesStepsExact() throws IOException {
        assertFalse(train("exact", 7).contains("dropped"));
        String report = train("filtered", 7, "--filter", "0x1p-12");
        Matcher dropped = find(FILTER, report);
        assertTrue(Double.parseDouble(dropped.group(1)) > 0 && Double.parseDouble(dropped.group(2)) > 0, report);
        assertEquals(0, Integer.parseInt(find(EXACT, report).group(2)), report);
        assertNotEquals(-1, Files.mismatch(file("exact/losses.csv"), file("filtered/losses.csv")));

        report = train("limited", 7, "--filter", "0x1p-12", "--max-dropped-mass", 1e-9);
        assertEquals(0, Double.parseDouble(find(FILTER, report).group(1)), report);
        assertEquals("20", find(EXACT, report).group(1), report);
        assertEquals("20", find(EXACT, report).group(2), report);
        assertEquals(-1, Files.mismatch(file("exact/losses.csv"), file("limited/losses.csv")));
    }

    @Test
    void aUniformStartKnowsNothing() throws IOException {
        String report = train("uniform", 7, "--start", "uniform");
        assertTrue(report.contains("all tokens as likely"), report);
        String loss = Files.readAllLines(file("uniform/losses.csv")).stream()
                .filter(line -> line.startsWith("0,held-out,")).findFirst().orElseThrow().split(",")[2];
        assertEquals(Math.log(Tokenizer.CLASSES), Double.parseDouble(loss), 1e-4);
    }

    private Path file(String name) {
        return folder.resolve(name);
    }

    private String train(String out, int seed, Object... more) {
        Object[] words = {"train", "--device", "cpu", "--text", text, "--steps", 20, "--dim", 4, "--batch", 32,
            "--context", 2, "--seed", seed, "--out", file(out)};
        Cli cli = Cli.run(Stream.of(words, more).flatMap(Stream::of).toArray());
        assertEquals(0, cli.exitCode(), cli.err());
        return cli.out();
    }

    private static Matcher find(Pattern pattern, String text) {
        Matcher matcher = pattern.matcher(text);
        assertTrue(matcher.find(), text);
        return matcher;
    }
}
