package io.github.cce4j.test.abi;

import io.github.cce4j.bindings.cce_h;
import io.github.cce4j.test.ClassFolder;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.GroupLayout;
import java.lang.reflect.Method;
import java.util.Map;
import java.util.TreeMap;

/** What the generated classes say, by reflection. */
final class Bindings {

    private Bindings() {}

    /** The layout of every struct, by its name. */
    static Map<String, GroupLayout> structs() {
        Map<String, GroupLayout> structs = new TreeMap<>();
        for (Class<?> type : ClassFolder.of(cce_h.class).classes()) {
            try {
                structs.put(type.getSimpleName(), (GroupLayout) type.getMethod("layout").invoke(null));
            } catch (NoSuchMethodException e) {
                // not a struct
            } catch (ReflectiveOperationException e) {
                throw new AssertionError(e);
            }
        }
        return structs;
    }

    /** The descriptor of every function, by its name. */
    static Map<String, FunctionDescriptor> functions() {
        Map<String, FunctionDescriptor> functions = new TreeMap<>();
        for (Method method : cce_h.class.getMethods()) {
            if (method.getName().endsWith("$descriptor")) {
                String name = method.getName().substring(0, method.getName().indexOf('$'));
                functions.put(name, (FunctionDescriptor) invoke(method));
            }
        }
        return functions;
    }

    /** The value of every constant, by its name. */
    static Map<String, Double> constants() {
        Map<String, Double> constants = new TreeMap<>();
        for (Method method : cce_h.class.getMethods()) {
            if (method.getName().startsWith("CCE_") && method.getParameterCount() == 0) {
                constants.put(method.getName(), ((Number) invoke(method)).doubleValue());
            }
        }
        return constants;
    }

    private static Object invoke(Method method) {
        try {
            return method.invoke(null);
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }
}
