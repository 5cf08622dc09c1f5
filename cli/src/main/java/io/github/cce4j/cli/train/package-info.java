/** Trains a log-bilinear language model, with the full softmax over its vocabulary as the loss. */
package io.github.cce4j.cli.train;
