/** The safetensors file format: mapped into memory, strictly checked, written atomically. */
package io.github.cce4j.cli.safetensors;
