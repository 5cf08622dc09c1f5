/** The command {@code cce4j}. */
package io.github.cce4j.cli;
