package io.github.cce4j.cli.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
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
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainCommandTest {
    private static final Pattern HELD_OUT = Pattern.compile("held-out +loss ([0-9.]+).*unigram model's ([0-9.]+)");
    private static final Pattern SAVED = Pattern.compile("loss (\\S+)\\. To score it");

    @TempDir
    Path folder;

    @Test
    void learnsTheSameEachTimeAndSavesWhatLossScoresTheSame() throws IOException {
        Path text = folder.resolve("text");
        Files.createDirectories(text);
        Random random = new Random(1);
        String[] pairs = {"one two ", "three four ", "five six ", "seven eight "};
        for (int i = 0; i < 20; i++) {
            StringBuilder words = new StringBuilder();
            random.ints(100, 0, pairs.length).forEach(word -> words.append(pairs[word]));
            Files.writeString(text.resolve(i + ".txt"), words);
        }
        String first = train(text, "first", 7);
        String second = train(text, "second", 7);
        train(text, "other", 8);
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

    private Path file(String name) {
        return folder.resolve(name);
    }

    private String train(Path text, String out, int seed) {
        Cli cli = Cli.run("train", "--device", "cpu", "--text", text, "--steps", 20, "--dim", 4, "--batch", 32,
                "--context", 2, "--seed", seed, "--out", file(out));
        assertEquals(0, cli.exitCode(), cli.err());
        return cli.out();
    }

    private static Matcher find(Pattern pattern, String text) {
        Matcher matcher = pattern.matcher(text);
        assertTrue(matcher.find(), text);
        return matcher;
    }
}
