package io.github.cce4j.cli;

import io.github.cce4j.Device;

/** The {@code --device} option of the commands. */
public final class Devices {
    private Devices() {
    }

    /**
     * The device of that name.
     *
     * @throws BadInputException if it is no device's name
     * @throws io.github.cce4j.CceException if there is no such device
     */
    public static Device find(String name) {
        try {
            return Device.parse(name);
        } catch (IllegalArgumentException e) {
            throw new BadInputException("--device: '" + name + "' is not cpu, cuda, cuda:K or best", e);
        }
    }
}
