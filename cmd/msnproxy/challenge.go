package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"msnproxy/decode"
	"msnproxy/internal/display"
)

// challengeFlags are the flags of "msnproxy challenge".
type challengeFlags struct {
	checkFlags
	productID, productKey string
	algorithm             string
	response              string
	explain, json, strict bool
	list                  bool
}

func newChallenge(std stdio) *cobra.Command {
	var f challengeFlags
	cmd := &cobra.Command{
		Use:   "challenge CHALLENGE --product-id ID",
		Short: "Answer a challenge (CHL), or check an answer to it (QRY)",
		Long: `Challenge works out what a client has to answer to a server's challenge, or
checks an answer and says what went wrong in it.

  msnproxy challenge 22210219642164014968 --product-id 'PROD0119GSJUC$18' \
      --explain

The key is looked up by the product id ('msnproxy challenge --list' shows those
that are known), or given by --product-key or a --keys file. A line of that
file is a product id, its key and, if known, production or test and the client.`,
		Args: wantArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return runChallenge(cmd, std, f, args) },
	}
	flags := cmd.Flags()
	f.addKeys(flags)
	flags.StringVar(&f.productID, "product-id", "", "product id of the client, as it stands in QRY")
	flags.StringVar(&f.productKey, "product-key", "", "product key (default: the known one of the product id)")
	flags.StringVar(&f.algorithm, "algorithm", "", "msnp6 (MSNP6 to MSNP10) or msnp11 (MSNP11 on) (default: that of the clients with the product id, or msnp11)")
	flags.StringVar(&f.response, "response", "", "answer to check: the payload of QRY")
	flags.BoolVar(&f.explain, "explain", false, "show how the answer is worked out, step by step")
	flags.BoolVar(&f.json, "json", false, "print JSON, one object")
	flags.BoolVar(&f.strict, "strict", false, "exit with status 3 if the answer is wrong")
	flags.BoolVar(&f.list, "list", false, "list the known product ids")
	return cmd
}

func runChallenge(cmd *cobra.Command, std stdio, f challengeFlags, args []string) error {
	checks, err := f.load()
	if err != nil {
		return err
	}
	switch {
	case f.list && f.json:
		return listKeysJSON(std.out, checks.Keys)
	case f.list:
		return listKeys(std.out, checks.Keys)
	}
	switch {
	case len(args) == 0:
		return usageError(cmd, errors.New("name the challenge, as it stands in CHL"))
	case f.productID == "":
		return usageError(cmd, errors.New("--product-id is missing: which client is to answer?"))
	}
	q, err := f.question(cmd, args[0], checks.Keys)
	if err != nil {
		return err
	}
	if f.json {
		err = q.writeJSON(std.out, f.explain)
	} else {
		err = q.writeText(std.out, f.explain)
	}
	if err == nil && f.strict && q.verdict == decode.VerdictWrong {
		err = &exitError{code: exitStrict, err: errors.New("the answer is wrong")}
	}
	return err
}

// challenged is a challenge with its right answer and, if there is one to
// check, what is to be said of another.
type challenged struct {
	challenge   string
	pair        decode.Pair
	working     decode.Working
	got         string
	verdict     decode.Verdict
	explanation string
}

// question finds the key and the algorithm, and works out the answer.
func (f *challengeFlags) question(cmd *cobra.Command, challenge string, ring *decode.Keyring) (*challenged, error) {
	pair, known := ring.Pair(f.productID)
	pair.ProductID = f.productID
	if keyGiven := cmd.Flags().Changed("product-key"); keyGiven && f.productKey == "" {
		return nil, usageError(cmd, errors.New("--product-key is empty"))
	} else if keyGiven || f.productKey != "" {
		pair.Key, pair.Secret = f.productKey, true
	}
	checking := cmd.Flags().Changed("response") || f.response != ""
	if pair.Key == "" && !checking {
		return nil, noKey(f.productID, known, ring)
	}
	algorithm, err := f.algorithmFor(pair)
	if err != nil {
		return nil, err
	}
	q := &challenged{challenge: challenge, pair: pair, got: f.response, working: decode.Working{Algorithm: algorithm}}
	if pair.Key != "" {
		q.working = decode.WorkOut(algorithm, challenge, pair.ProductID, pair.Key)
	}
	if checking {
		q.check(ring)
	}
	return q, nil
}

// algorithmFor is the algorithm that is asked for, or else that of the clients
// with the product id.
func (f *challengeFlags) algorithmFor(pair decode.Pair) (decode.Algorithm, error) {
	if f.algorithm != "" {
		algorithm, err := decode.ParseAlgorithm(f.algorithm)
		if err != nil {
			return algorithm, flagError("--algorithm: %w", err)
		}
		return algorithm, nil
	}
	if algorithm := decode.AlgorithmOf(pair.From); algorithm != decode.AlgorithmUnknown {
		return algorithm, nil
	}
	return decode.AlgorithmMSNP11, nil
}

// noKey tells that there is no key for a product id, and which one may be meant:
// the $ of some needs single quotes in a shell.
func noKey(productID string, known bool, ring *decode.Keyring) error {
	if known {
		return fmt.Errorf("product id %s is known, but its key is not; --product-key gives it", productID)
	}
	const number = len("PROD0119") // what each id begins with, and no two alike
	for _, p := range ring.Pairs() {
		if len(productID) >= number && len(p.ProductID) >= number && strings.EqualFold(p.ProductID[:number], productID[:number]) {
			return fmt.Errorf("product id %s is not known; is '%s' meant? In a shell it needs the single quotes", productID, p.ProductID)
		}
	}
	return fmt.Errorf("product id %s is not known; --product-key gives its key, and 'msnproxy challenge --list' shows the known ones", productID)
}

// check gives the verdict on the answer that was given.
func (q *challenged) check(ring *decode.Keyring) {
	switch {
	case q.pair.Key == "":
		q.verdict = decode.VerdictUnknownKey
	case q.got == q.working.Response:
		q.verdict = decode.VerdictCorrect
		return
	default:
		q.verdict = decode.VerdictWrong
	}
	q.explanation = decode.Explain(q.working.Algorithm, q.challenge, q.pair, q.got, ring)
}

// writeJSON writes one object; its keys are those of a challenge note.
func (q *challenged) writeJSON(w io.Writer, explain bool) error {
	out := struct {
		Challenge   string         `json:"challenge"`
		ProductID   string         `json:"product_id"`
		Client      string         `json:"client,omitempty"`
		Environment string         `json:"environment,omitempty"`
		Algorithm   string         `json:"algorithm"`
		Expected    string         `json:"expected,omitempty"`
		Got         string         `json:"got,omitempty"`
		Verdict     decode.Verdict `json:"verdict,omitempty"`
		Explanation string         `json:"explanation,omitempty"`
		Steps       *steps         `json:"steps,omitempty"`
	}{
		q.challenge, q.pair.ProductID, q.pair.Client, string(q.pair.Environment), q.working.Algorithm.String(),
		q.working.Response, q.got, q.verdict, q.explanation, nil,
	}
	if explain && q.pair.Key != "" {
		out.Steps = stepsOf(&q.working)
	}
	return writeJSON(w, out)
}

func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(display.NewJSONWriter(w))
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// steps are how an answer comes about, words as hexadecimal numbers.
type steps struct {
	MD5         string   `json:"md5"`
	DigestWords []string `json:"digest_words"`
	MaskedWords []string `json:"masked_words,omitempty"`
	Text        string   `json:"text,omitempty"`
	TextWords   []string `json:"text_words,omitempty"`
	Key         string   `json:"key,omitempty"`
	ResultWords []string `json:"result_words,omitempty"`
}

func stepsOf(w *decode.Working) *steps {
	s := &steps{MD5: fmt.Sprintf("%x", w.Digest), DigestWords: hexWords(w.Words[:])}
	if w.Algorithm == decode.AlgorithmMSNP11 {
		s.MaskedWords, s.Text, s.TextWords = hexWords(w.Masked[:]), w.Text, hexWords(w.TextWords)
		s.Key, s.ResultWords = fmt.Sprintf("%016x", w.Key), hexWords(w.Mixed[:])
	}
	return s
}

func hexWords(words []uint32) []string {
	var list []string
	for _, w := range words {
		list = append(list, fmt.Sprintf("%08x", w))
	}
	return list
}

// explanationWidth is where an explanation is broken into lines.
const explanationWidth = 80

// writeText writes the answer alone, for use in scripts, or the verdict on the
// one that was given, after the steps if they are asked for.
func (q *challenged) writeText(w io.Writer, explain bool) error {
	var out strings.Builder
	if explain && q.pair.Key != "" {
		q.explain(&out)
	}
	switch {
	case q.verdict != "":
		q.judge(&out)
	case !explain:
		out.WriteString(q.working.Response + "\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// judge writes the verdict on an answer, and why.
func (q *challenged) judge(out *strings.Builder) {
	explanation := q.explanation
	switch q.verdict {
	case decode.VerdictCorrect:
		out.WriteString("correct\n")
		return
	case decode.VerdictUnknownKey:
		fmt.Fprintf(out, "cannot be checked: the key of product id %s is not known\n", display.Harmless(q.pair.ProductID))
		if explanation == "" {
			explanation = "no known key gives this answer"
		}
	default:
		fmt.Fprintf(out, "wrong: expected %s\n%15s %s\n", q.working.Response, "got", display.Harmless(q.got))
		if explanation == "" {
			explanation = "none of the usual mistakes gives this answer"
		}
	}
	for _, line := range display.Wrap(display.Harmless(explanation), explanationWidth, explanationWidth) {
		out.WriteString(line + "\n")
	}
}

// explain writes the steps.
func (q *challenged) explain(out *strings.Builder) {
	w := &q.working
	key := q.pair.Key
	if q.pair.Secret {
		key = "given, and not shown"
	}
	row := func(name, value string) { fmt.Fprintf(out, "%-12s %s\n", name, display.Harmless(value)) }
	row("challenge", q.challenge)
	row("product id", q.pair.ProductID)
	if q.pair.Client != "" {
		row("client", q.pair.Client)
	}
	row("key", key)
	row("algorithm", w.Algorithm.String())
	s := stepsOf(w)
	out.WriteString("\nMD5 of challenge and key\n  " + s.MD5 + "\n")
	if w.Algorithm == decode.AlgorithmMSNP11 {
		step := func(name string, words ...string) {
			const perLine = 8 // words of 8 digits that fit 80 columns
			out.WriteString(name + "\n")
			for ; len(words) > perLine; words = words[perLine:] {
				out.WriteString("  " + strings.Join(words[:perLine], " ") + "\n")
			}
			out.WriteString("  " + strings.Join(words, " ") + "\n")
		}
		step("its words, little-endian", s.DigestWords...)
		step("of each the lower 31 bits", s.MaskedWords...)
		step("challenge and product id, padded with 0 to a multiple of 8", display.Harmless(s.Text))
		step("its words, little-endian", s.TextWords...)
		step("64-bit key: both, mixed pair by pair modulo 7fffffff", s.Key)
		step("the digest's words (all 32 bits), XOR lower and upper half of the key in turn", s.ResultWords...)
	}
	out.WriteString("answer\n  " + w.Response + "\n")
}

// listKeysJSON writes the keyring as an array. A key that is not known or not to
// be shown is absent.
func listKeysJSON(w io.Writer, ring *decode.Keyring) error {
	type pair struct {
		ProductID   string `json:"product_id"`
		Key         string `json:"key,omitempty"`
		KeyKnown    bool   `json:"key_known"`
		From        string `json:"dialect_from,omitempty"`
		To          string `json:"dialect_to,omitempty"`
		Environment string `json:"environment"`
		Client      string `json:"client"`
	}
	list := []pair{}
	for _, p := range ring.Pairs() {
		out := pair{p.ProductID, p.Key, p.Key != "", p.From.String(), p.To.String(), string(p.Environment), p.Client}
		if p.Secret {
			out.Key = ""
		}
		list = append(list, out)
	}
	return writeJSON(w, list)
}

// listKeys writes the keyring as a table of at most 80 columns, of which the
// client gets what is left.
func listKeys(w io.Writer, ring *decode.Keyring) error {
	const clientRoom = 20
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PRODUCT ID\tKEY\tDIALECTS\tISSUED FOR\tCLIENT")
	for _, p := range ring.Pairs() {
		client := display.Wrap(display.Harmless(p.Client), clientRoom, clientRoom)
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", display.Harmless(p.ProductID), keyShown(p), dialectsOf(p), p.Environment, client[0])
		for _, more := range client[1:] {
			fmt.Fprintf(table, "\t\t\t\t%s\n", more)
		}
	}
	return table.Flush()
}

// keyShown is the key of a pair, unless it is secret.
func keyShown(p decode.Pair) string {
	switch {
	case p.Key == "":
		return "unknown"
	case p.Secret:
		return "given"
	}
	return p.Key
}

func dialectsOf(p decode.Pair) string {
	switch p.From {
	case 0:
		return "?"
	case p.To:
		return fmt.Sprint(int(p.From))
	}
	return fmt.Sprintf("%d-%d", p.From, p.To)
}
