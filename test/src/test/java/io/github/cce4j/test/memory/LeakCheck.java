package io.github.cce4j.test.memory;

import io.github.cce4j.Device;
import io.github.cce4j.Library;
import io.github.cce4j.MemoryUsage;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Registered for every test class: after it, as many native bytes and allocations are live as before it, and the
 * garbage collector had nothing to free that a test forgot to close.
 */
public final class LeakCheck implements BeforeAllCallback, AfterAllCallback {

    private static final ExtensionContext.Namespace NAMESPACE = ExtensionContext.Namespace.create(LeakCheck.class);

    @Override
    public void beforeAll(ExtensionContext context) {
        context.getStore(NAMESPACE).put(context.getUniqueId(), live());
    }

    @Override
    public void afterAll(ExtensionContext context) {
        Object before = context.getStore(NAMESPACE).get(context.getUniqueId());
        List<String> after = live();
        if (!after.equals(before)) {
            throw new AssertionError("native memory leaks: live before " + before + ", after " + after);
        }
        System.gc();
        if (Library.cleanedCount() != 0) {
            throw new AssertionError(Library.cleanedCount() + " native resources were never closed");
        }
    }

    private static List<String> live() {
        List<String> live = new ArrayList<>();
        for (Device device : Device.all()) {
            MemoryUsage usage = device.memoryUsage();
            live.add(device + ": " + usage.liveBytes() + " bytes in " + usage.liveAllocations() + " allocations");
        }
        return live;
    }
}
