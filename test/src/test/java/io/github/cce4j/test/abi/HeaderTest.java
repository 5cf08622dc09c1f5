package io.github.cce4j.test.abi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The generated bindings say what a C compiler says of the header, and no more and no less. */
@Tag("toolchain")
class HeaderTest {

    private static final String PRINT_SIZE = """
                printf("STRUCT %zu\\n", sizeof(STRUCT));
            """;
    private static final String PRINT_FIELD = """
                printf("FIELD %zu %s\\n", offsetof(STRUCT, FIELD), KIND(((STRUCT *)0)->FIELD));
            """;
    private static final String PRINT_CONSTANT = """
                printf("CONSTANT %.17g\\n", (double)(CONSTANT));
            """;

    @Test
    void structsHaveTheSameFieldsSizesAndOffsets() {
        Map<String, GroupLayout> structs = Bindings.structs();
        assertEquals(CHeader.structs().keySet(), structs.keySet());
        StringBuilder program = new StringBuilder();
        StringBuilder expected = new StringBuilder();
        structs.forEach((struct, layout) -> {
            List<String> fields = new ArrayList<>();
            program.append(PRINT_SIZE.replace("STRUCT", struct));
            expected.append(struct).append(' ').append(layout.byteSize()).append('\n');
            for (MemoryLayout member : layout.memberLayouts()) {
                if (member.name().isEmpty()) {
                    continue; // padding
                }
                String field = member.name().get();
                fields.add(field);
                program.append(PRINT_FIELD.replace("STRUCT", struct).replace("FIELD", field));
                long offset = layout.byteOffset(MemoryLayout.PathElement.groupElement(field));
                expected.append(field).append(' ').append(offset).append(' ').append(kind(member)).append('\n');
            }
            assertEquals(CHeader.structs().get(struct), fields, struct);
        });
        assertFalse(structs.isEmpty());
        assertEquals(expected.toString(), CHeader.print(program.toString()));
    }

    @Test
    void constantsHaveTheSameValues() {
        Map<String, Double> constants = Bindings.constants();
        assertEquals(CHeader.constants(), constants.keySet());
        StringBuilder program = new StringBuilder();
        for (String name : constants.keySet()) {
            program.append(PRINT_CONSTANT.replace("CONSTANT", name));
        }
        Map<String, Double> inC = new TreeMap<>();
        for (String line : CHeader.print(program.toString()).split("\n")) {
            inC.put(line.split(" ")[0], Double.valueOf(line.split(" ")[1]));
        }
        assertEquals(inC, constants);
    }

    @Test
    void functionsHaveTheSameTypes() {
        Map<String, List<String>> bound = new TreeMap<>();
        Bindings.functions().forEach((name, descriptor) -> bound.put(name, types(descriptor)));
        assertFalse(bound.isEmpty());
        assertEquals(CHeader.functions(), bound);
    }

    private static List<String> types(FunctionDescriptor descriptor) {
        List<String> types = new ArrayList<>();
        types.add(descriptor.returnLayout().map(HeaderTest::type).orElse("void"));
        descriptor.argumentLayouts().forEach(layout -> types.add(type(layout)));
        return types;
    }

    private static String type(MemoryLayout layout) {
        return switch (kind(layout)) {
            case "int" -> "int32_t";
            case "long" -> "int64_t";
            default -> kind(layout);
        };
    }

    private static String kind(MemoryLayout layout) {
        return layout instanceof AddressLayout ? "pointer" : ((ValueLayout) layout).carrier().getSimpleName();
    }
}
