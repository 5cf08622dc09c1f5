package io.github.cce4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.cce4j.Device;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class MainTest {
    @ParameterizedTest
    @ValueSource(strings = {"", "info", "loss", "train"})
    void helpIsEverywhere(String command) {
        Cli cli = command.isEmpty() ? Cli.run("--help") : Cli.run(command, "--help");
        assertEquals(0, cli.exitCode());
        assertTrue(cli.out().contains("Usage: cce4j " + command), cli.out());
        assertTrue(cli.out().contains("--verbose"), cli.out());
        assertEquals("", cli.err());
    }

    @Test
    void tellsItsVersion() {
        Cli cli = Cli.run("--version");
        assertEquals(0, cli.exitCode());
        assertTrue(cli.out().matches("cce4j \\d+\\.\\d+\\.\\d+\\S*\\R"), cli.out());
    }

    static Stream<Arguments> badInput() {
        return Stream.of(
                arguments("Missing required subcommand"),
                arguments("--nonsense", "--nonsense"),
                arguments("nonsense", "nonsense"),
                arguments("--input", "loss"),
                arguments("--reduction", "loss", "--input", "x", "--reduction", "avg"),
                arguments("none, auto or a threshold", "loss", "--input", "x", "--filter", "2"),
                arguments("--filter", "loss", "--input", "x", "--max-dropped-mass", "0.1"),
                arguments("above 0, not 0.0", "loss", "--input", "x", "--filter", "auto", "--max-dropped-mass", "0"),
                arguments("above 0, not NaN", "train", "--filter", "auto", "--max-dropped-mass", "NaN"),
                arguments("--filter", "train", "--max-dropped-mass", "0.1"),
                arguments("temperature", "loss", "--input", "x", "--temperature", "0"),
                arguments("'gpu' is not cpu, cuda, cuda:K or best", "loss", "--input", "x", "--device", "gpu"),
                arguments("there is no device cuda:99", "loss", "--input", "x", "--device", "cuda:99"),
                arguments("no such file or folder: missing.safetensors", "loss", "--input", "missing.safetensors"),
                arguments("--steps", "train", "--steps", "0"),
                arguments("--dim", "train", "--dim", "-1"),
                arguments("--lr", "train", "--lr", "NaN"),
                arguments("no such file or folder: missing", "train", "--text", "missing"));
    }

    private static Arguments arguments(String expected, Object... words) {
        return Arguments.of(expected, words);
    }

    @ParameterizedTest
    @MethodSource("badInput")
    void badInputIsOneLineAndExitCode2(String expected, Object[] words) {
        Cli cli = Cli.run(words);
        assertEquals(2, cli.exitCode(), cli.err());
        assertEquals("", cli.out());
        assertTrue(cli.err().startsWith("cce4j: ") && cli.err().contains(expected), cli.err());
        assertEquals(1, cli.err().lines().count(), cli.err());
    }

    @Test
    void verboseShowsTheStack() {
        Cli cli = Cli.run("loss", "--verbose", "--input", "missing.safetensors");
        assertEquals(2, cli.exitCode());
        assertTrue(cli.err().contains("\tat "), cli.err());
        assertFalse(Cli.run("loss", "--input", "missing.safetensors").err().contains("\tat "));
    }

    @Test
    void infoTellsAboutLibraryAndDevices() {
        JsonNode json = Cli.run("info", "--json").json();
        assertFalse(json.at("/library/path").asString().isEmpty());
        assertFalse(json.at("/library/source").asString().isEmpty());
        assertEquals(Device.all().size(), json.at("/devices").size());
        JsonNode cpu = json.at("/devices/0");
        assertEquals("cpu", cpu.at("/device").asString());
        assertEquals(Device.cpu().kernels(), cpu.at("/kernels").asString());
        assertTrue(cpu.at("/total_memory").asLong() > 0);

        Cli text = Cli.run("info");
        assertEquals(0, text.exitCode());
        for (Device device : Device.all()) {
            assertTrue(text.out().contains(device.name()), text.out());
        }
    }
}
