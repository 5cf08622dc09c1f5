package io.github.cce4j.test.abi;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;

/** What a 64-bit little-endian ELF shared library tells the dynamic linker: symbols it defines, libraries it needs. */
final class ElfFile {

    private static final int SECTION_DYNAMIC = 6;
    private static final int SECTION_DYNAMIC_SYMBOLS = 11;
    private static final int SYMBOL_BYTES = 24;
    private static final int DYNAMIC_BYTES = 16;
    private static final int TAG_NEEDED = 1;

    private final ByteBuffer file;

    ElfFile(Path path) {
        try {
            file = ByteBuffer.wrap(Files.readAllBytes(path)).order(ByteOrder.LITTLE_ENDIAN);
        } catch (IOException e) {
            throw new AssertionError("cannot read " + path, e);
        }
        if (file.getInt(0) != 0x464c457f || file.get(4) != 2) {
            throw new AssertionError(path + " is no 64-bit ELF file");
        }
    }

    /** Names that another library can link to: defined here, and not local. */
    Set<String> exportedSymbols() {
        Set<String> names = new TreeSet<>();
        int section = section(SECTION_DYNAMIC_SYMBOLS);
        int strings = linkedStrings(section);
        for (int at = offset(section); at < offset(section) + size(section); at += SYMBOL_BYTES) {
            boolean defined = file.getShort(at + 6) != 0;
            boolean local = file.get(at + 4) >> 4 == 0;
            if (defined && !local) {
                names.add(string(strings + file.getInt(at)));
            }
        }
        return names;
    }

    Set<String> neededLibraries() {
        Set<String> names = new TreeSet<>();
        int section = section(SECTION_DYNAMIC);
        int strings = linkedStrings(section);
        for (int at = offset(section); at < offset(section) + size(section); at += DYNAMIC_BYTES) {
            if (file.getLong(at) == TAG_NEEDED) {
                names.add(string(strings + (int) file.getLong(at + 8)));
            }
        }
        return names;
    }

    /** The place of the first section header of a type. */
    private int section(int type) {
        for (int i = 0; i < file.getShort(60); i++) {
            if (file.getInt(header(i) + 4) == type) {
                return header(i);
            }
        }
        throw new AssertionError("no section of type " + type);
    }

    private int header(int index) {
        return (int) file.getLong(40) + index * file.getShort(58);
    }

    private int offset(int section) {
        return (int) file.getLong(section + 24);
    }

    private int size(int section) {
        return (int) file.getLong(section + 32);
    }

    private int linkedStrings(int section) {
        return offset(header(file.getInt(section + 40)));
    }

    private String string(int at) {
        int end = at;
        while (file.get(end) != 0) {
            end++;
        }
        return new String(file.array(), at, end - at, StandardCharsets.UTF_8);
    }
}
