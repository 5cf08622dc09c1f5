package io.github.cce4j.cli.train;

/**
 * Text as tokens.
 *
 * @param corpus   where it comes from
 * @param training tokens to learn from
 * @param heldOut  tokens of other text, to score
 */
public record TokenizedText(Corpus corpus, int[] training, int[] heldOut) {
    static TokenizedText of(Corpus corpus) {
        Tokenizer tokenizer = new Tokenizer();
        return new TokenizedText(corpus, tokenizer.encode(corpus.training()), tokenizer.encode(corpus.heldOut()));
    }
}
