#include "node/simulator/scenario.hpp"

namespace maillon::sim {
namespace {
/// The parser of TOML asserts what some files do not keep: that is their mistake, not ours.
struct BeyondTheParser {};
constexpr void expect(bool holds) {
  if (!holds) throw BeyondTheParser{};
}
}  // namespace
}  // namespace maillon::sim

// With NDEBUG it would take for granted what it otherwise asserts.
#undef NDEBUG
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 1
#define TOML_ASSERT(expression) ::maillon::sim::expect(static_cast<bool>(expression))
#include <toml++/toml.h>

#include <algorithm>
#include <set>

namespace maillon::sim {
namespace {

constexpr std::int64_t kSecondsMax = 1'000'000;
constexpr int kNodesMax = 400;

/// What is wrong with a file; ends its reading.
struct Fault {
  Error error;
};

/// The tables of a file, with what is needed to complain about one of their fields.
class Source {
 public:
  explicit Source(std::string file) : file_(std::move(file)) {}

  [[noreturn]] void refuse(const toml::source_region& where, const std::string& en,
                           const std::string& fr, const std::string& hint,
                           const std::string& hint_fr) const {
    refuse(where.begin.line, en, fr, hint, hint_fr);
  }
  [[noreturn]] void refuse(std::size_t number, const std::string& en, const std::string& fr,
                           const std::string& hint, const std::string& hint_fr) const {
    const std::string line = std::to_string(number);
    throw Fault{Error{Errc::malformed, file_ + ", line " + line + ": " + en,
                      file_ + ", ligne " + line + " : " + fr, hint, hint_fr}};
  }

 private:
  std::string file_;
};

/// What the parser bears: outside of quoted texts and comments ASCII alone, and no control
/// characters. It looks others up in tables that do not have them.
class Grammar {
 public:
  explicit Grammar(std::string_view text) : text_(text) {}

  struct Mistake {
    std::size_t line = 1;
    const char* en = nullptr;
    const char* fr = nullptr;
  };
  std::optional<Mistake> check() {
    if (!is_utf8(text_)) return mistake("this is not UTF-8 text", "ce n’est pas du texte UTF-8");
    for (at_ = 0; at_ < text_.size(); ++at_) {
      if (is_control(text_[at_]))
        return mistake("there is a control character", "il y a un caractère de contrôle");
      if (text_[at_] == '\n') end_line();
      if (comment_) continue;
      if (!quote_.empty())
        inside();
      else if (const auto wrong = outside())
        return wrong;
    }
    return std::nullopt;
  }

 private:
  [[nodiscard]] static bool is_control(char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t') ||
           c == 0x7f;
  }
  [[nodiscard]] Mistake mistake(const char* en, const char* fr) const { return {line_, en, fr}; }
  [[nodiscard]] bool here(std::string_view what) const {
    return text_.substr(at_).starts_with(what);
  }
  void end_line() {
    ++line_;
    comment_ = false;
    // Only three quotes carry a text over the end of a line.
    if (quote_.size() == 1) quote_ = {};
  }
  void inside() {
    if (quote_.front() == '"' && text_[at_] == '\\') {
      // What is escaped ends nothing; the end of a line is counted all the same.
      if (at_ + 1 < text_.size() && text_[at_ + 1] != '\n' && text_[at_ + 1] != '\r') ++at_;
    } else if (here(quote_)) {
      at_ += quote_.size() - 1;
      quote_ = {};
    }
  }
  std::optional<Mistake> outside() {
    if (here("[[["))
      return mistake("there are three brackets in a row", "il y a trois crochets de suite");
    if (static_cast<unsigned char>(text_[at_]) >= 0x80)
      return mistake("outside of quotes only plain letters are allowed",
                     "hors des guillemets, seules les lettres sans accent sont permises");
    comment_ = text_[at_] == '#';
    for (const std::string_view quote : {"\"\"\"", "\'\'\'", "\"", "\'"})
      if (quote_.empty() && here(quote)) quote_ = quote;
    if (!quote_.empty()) at_ += quote_.size() - 1;
    return std::nullopt;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::string_view quote_;  ///< what ends the text that we are in; empty outside
  bool comment_ = false;
};

std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

/// One table, read field by field; what nobody asked for is a mistake.
class Fields {
 public:
  Fields(const Source& source, const toml::table& table, std::string name)
      : source_(source), table_(table), name_(std::move(name)) {}

  std::string text(const char* key, std::optional<std::string> otherwise = {}) {
    const toml::node* node = find(key, otherwise.has_value());
    if (node == nullptr) return *otherwise;
    const auto value = node->value_exact<std::string>();
    if (!value || value->empty() || value->size() > 256)
      wrong(*node, key, "is no text", "n’est pas un texte", "write it in quotes",
            "écrivez-le entre guillemets");
    return *value;
  }
  bool truth(const char* key, bool otherwise) {
    const toml::node* node = find(key, true);
    if (node == nullptr) return otherwise;
    const auto value = node->value_exact<bool>();
    if (!value)
      wrong(*node, key, "is neither true nor false", "n’est ni true ni false",
            "write true or false", "écrivez true ou false");
    return *value;
  }
  std::int64_t whole(const char* key, std::int64_t lowest, std::int64_t highest,
                     std::optional<std::int64_t> otherwise) {
    const toml::node* node = find(key, otherwise.has_value());
    if (node == nullptr) return *otherwise;
    return whole(*node, key, lowest, highest);
  }
  /// Seconds, to the millisecond.
  std::int64_t seconds(const char* key, std::optional<std::int64_t> otherwise,
                       std::int64_t lowest = 0) {
    const toml::node* node = find(key, otherwise.has_value());
    if (node == nullptr) return *otherwise;
    const auto value = node->value<double>();
    if (!value || !(*value >= static_cast<double>(lowest)) ||
        !(*value <= static_cast<double>(kSecondsMax)))
      wrong(*node, key, "is no number of seconds", "n’est pas un nombre de secondes",
            "write " + std::to_string(lowest) + " to " + std::to_string(kSecondsMax),
            "écrivez de " + std::to_string(lowest) + " à " + std::to_string(kSecondsMax));
    return static_cast<std::int64_t>(*value * 1000 + (*value < 0 ? -0.5 : 0.5));
  }
  Span span(std::int64_t end) {
    const Span out{seconds("from", 0), seconds("to", end)};
    if (out.from < out.to && out.to <= end) return out;
    source_.refuse(table_.source(), "`from` and `to` of " + name_ + " span no part of the play",
                   "`from` et `to` de " + name_ + " ne désignent aucune partie du jeu",
                   "write from < to <= length", "écrivez from < to <= length");
  }
  std::pair<std::int64_t, std::int64_t> latency(std::int64_t lowest, std::int64_t highest) {
    const toml::node* node = find("latency", true);
    if (node == nullptr) return {lowest, highest};
    const toml::array* both = node->as_array();
    if (both == nullptr || both->size() != 2)
      wrong(*node, "latency", "is no pair", "n’est pas une paire", "write latency = [10, 80]",
            "écrivez latency = [10, 80]");
    const auto least = whole(*both->get(0), "latency", 0, 600'000);
    return {least, whole(*both->get(1), "latency", least, 600'000)};
  }
  /// Per cent in the file, thousandths here.
  int loss(int otherwise) {
    const toml::node* node = find("loss", true);
    if (node == nullptr) return otherwise;
    const auto value = node->value<double>();
    if (!value || !(*value >= 0) || !(*value <= 90))
      wrong(*node, "loss", "is no per cent", "n’est pas un pourcentage", "write 0 to 90",
            "écrivez de 0 à 90");
    return static_cast<int>(*value * 10 + 0.5);
  }
  std::string one_of(const char* key, const std::vector<std::string>& words,
                     std::optional<std::string> otherwise = {}) {
    const std::string word = text(key, std::move(otherwise));
    if (std::ranges::find(words, word) == words.end()) unknown(key, word, words);
    return word;
  }
  /// One name, or a list of them.
  std::vector<std::string> names(const char* key) {
    const toml::node* node = find(key, true);
    if (node == nullptr) return {};
    if (const auto one = node->value_exact<std::string>()) return {*one};
    return list(*node, key);
  }
  std::vector<std::vector<std::string>> groups(const char* key) {
    const toml::node* node = find(key, false);
    const toml::array* all = node->as_array();
    std::vector<std::vector<std::string>> out;
    if (all != nullptr)
      for (const toml::node& group : *all) out.push_back(list(group, key));
    if (out.empty())
      wrong(*node, key, "names nobody", "ne nomme personne", "write groups = [[\"A\"], [\"B\"]]",
            "écrivez groups = [[\"A\"], [\"B\"]]");
    return out;
  }
  [[noreturn]] void unknown(const char* key, const std::string& word,
                            const std::vector<std::string>& words) {
    const toml::node* node = find(key, true);
    wrong(node == nullptr ? static_cast<const toml::node&>(table_) : *node, key,
          "cannot be `" + word + "`", "ne peut valoir « " + word + " »",
          "write one of " + listed(words), "écrivez l’un de " + listed(words));
  }
  [[noreturn]] void wrong(const toml::node& node, const char* key, const std::string& en,
                          const std::string& fr, const std::string& hint,
                          const std::string& hint_fr) {
    source_.refuse(node.source(), "`" + std::string{key} + "` of " + name_ + " " + en,
                   "`" + std::string{key} + "` de " + name_ + " " + fr, hint, hint_fr);
  }
  [[nodiscard]] const toml::table& table() const { return table_; }
  void done() {
    for (const auto& [key, node] : table_)
      if (!asked_.contains(std::string{key.str()}))
        source_.refuse(node.source(),
                       "there is no field `" + std::string{key.str()} + "` in " + name_,
                       "il n’y a pas de champ `" + std::string{key.str()} + "` dans " + name_,
                       "the fields are " + listed({asked_.begin(), asked_.end()}),
                       "les champs sont " + listed({asked_.begin(), asked_.end()}));
  }
  const toml::node* find(const char* key, bool optional) {
    asked_.insert(key);
    const toml::node* node = table_.get(key);
    if (node == nullptr && !optional)
      source_.refuse(table_.source(), name_ + " lacks `" + key + "`",
                     "il manque `" + std::string{key} + "` à " + name_, "add it", "ajoutez-le");
    return node;
  }

 private:
  std::int64_t whole(const toml::node& node, const char* key, std::int64_t lowest,
                     std::int64_t highest) {
    const auto value = node.value_exact<std::int64_t>();
    if (!value || *value < lowest || *value > highest)
      wrong(node, key, "is out of bounds", "est hors des bornes",
            "write a whole number, " + std::to_string(lowest) + " to " + std::to_string(highest),
            "écrivez un nombre entier, de " + std::to_string(lowest) + " à " +
                std::to_string(highest));
    return *value;
  }
  std::vector<std::string> list(const toml::node& node, const char* key) {
    std::vector<std::string> out;
    const toml::array* all = node.as_array();
    if (all != nullptr)
      for (const toml::node& entry : *all)
        if (const auto name = entry.value_exact<std::string>()) out.push_back(*name);
    if (all == nullptr || out.empty() || out.size() != all->size())
      wrong(node, key, "is no list of names", "n’est pas une liste de noms", "write [\"A\", \"B\"]",
            "écrivez [\"A\", \"B\"]");
    return out;
  }

  const Source& source_;
  const toml::table& table_;
  std::string name_;
  std::set<std::string> asked_;
};

class Reader {
 public:
  Reader(const Source& source, const toml::table& root)
      : source_(source), root_(source, root, "the file") {}

  Scenario read() {
    out_.name = root_.text("name", "");
    out_.length_ms = root_.seconds("length", std::nullopt, 1);
    out_.settle_ms = root_.seconds("settle", 600'000, 1);
    network();
    each("member", true, [this](Fields& f) { member(f); });
    each("link", false, [this](Fields& f) { link(f); });
    each("outage", false, [this](Fields& f) { outage(f); });
    each("partition", false, [this](Fields& f) { partition(f); });
    each("clock", false, [this](Fields& f) { clock(f); });
    each("decision", false, [this](Fields& f) { decision(f); });
    each("edit", false, [this](Fields& f) { edit(f); });
    root_.done();
    return std::move(out_);
  }

 private:
  template <class Take>
  void each(const char* key, bool needed, const Take& take) {
    const toml::node* node = root_.find(key, !needed);
    if (node == nullptr) return;
    const toml::array* all = node->as_array();
    if (all == nullptr || !all->is_array_of_tables())
      root_.wrong(*node, key, "is no list of tables", "n’est pas une liste de tables",
                  "begin each with [[" + std::string{key} + "]]",
                  "commencez chacune par [[" + std::string{key} + "]]");
    for (const toml::node& entry : *all) {
      Fields fields{source_, *entry.as_table(), std::string{"a "} + key};
      take(fields);
      fields.done();
    }
  }

  void network() {
    const toml::node* node = root_.find("network", true);
    if (node == nullptr) return;
    const toml::table* table = node->as_table();
    if (table == nullptr)
      root_.wrong(*node, "network", "is no table", "n’est pas une table",
                  "write [network] on a line of its own", "écrivez [network] sur une ligne");
    Fields fields{source_, *table, "the network"};
    std::tie(out_.latency_min, out_.latency_max) =
        fields.latency(out_.latency_min, out_.latency_max);
    out_.loss = fields.loss(0);
    fields.done();
  }

  void member(Fields& f) {
    MemberPlan plan;
    plan.name = f.text("name");
    plan.role = f.one_of("role", {"cooperative", "hub"}, "cooperative") == "hub"
                    ? Role::hub
                    : Role::cooperative;
    plan.region = f.text("region");
    plan.founding = f.truth("founding", true);
    plan.delegate = f.truth("delegate", false);
    plan.nodes = static_cast<int>(f.whole("nodes", 1, 9, 1));
    plan.dials_only = f.truth("dial_out_only", false);
    plan.clock_ms = f.seconds("clock", 0, -kSecondsMax);
    const int number = static_cast<int>(out_.members.size());
    if (!members_.emplace(plan.name, number).second)
      f.wrong(*f.find("name", false), "name", "is taken", "est déjà pris", "choose another",
              "choisissez-en un autre");
    if (!plan.founding && (out_.members.empty() || plan.delegate || plan.nodes > 1))
      f.wrong(*f.find("founding", false), "founding", "cannot be false here",
              "ne peut être false ici", "the first member founds; who comes later has one node",
              "le premier membre fonde ; qui vient plus tard a un seul nœud");
    for (int i = 1; i <= plan.nodes; ++i) {
      const std::string name = plan.nodes == 1 ? plan.name : plan.name + "/" + std::to_string(i);
      nodes_of_[plan.name].push_back(static_cast<int>(out_.nodes.size()));
      if (plan.nodes > 1) nodes_of_[name] = {static_cast<int>(out_.nodes.size())};
      out_.nodes.emplace_back(number, name);
    }
    if (out_.nodes.size() > kNodesMax)
      f.wrong(f.table(), "nodes", "are too many", "sont trop nombreux",
              "play at most " + std::to_string(kNodesMax),
              "jouez-en au plus " + std::to_string(kNodesMax));
    out_.members.push_back(std::move(plan));
  }

  int member_named(Fields& f, const char* key, const std::string& name) {
    const auto found = members_.find(name);
    if (found != members_.end()) return found->second;
    std::vector<std::string> known;
    for (const auto& [each, number] : members_) known.push_back(each);
    f.unknown(key, name, known);
  }
  /// A member's name means all its nodes.
  std::vector<int> nodes_named(Fields& f, const char* key, const std::vector<std::string>& names) {
    std::vector<int> out;
    for (const std::string& name : names) {
      const auto found = nodes_of_.find(name);
      if (found == nodes_of_.end()) {
        std::vector<std::string> known;
        for (const auto& [each, numbers] : nodes_of_) known.push_back(each);
        f.unknown(key, name, known);
      }
      out.insert(out.end(), found->second.begin(), found->second.end());
    }
    return out;
  }

  void link(Fields& f) {
    const auto between = f.names("between");
    const auto [least, most] = f.latency(out_.latency_min, out_.latency_max);
    const int loss = f.loss(out_.loss);
    if (between.size() != 2)
      f.wrong(*f.find("between", false), "between", "does not name two", "n’en nomme pas deux",
              "write between = [\"A\", \"B\"]", "écrivez between = [\"A\", \"B\"]");
    for (const int a : nodes_named(f, "between", {between[0]}))
      for (const int b : nodes_named(f, "between", {between[1]})) {
        const auto hidden = [&](int node) {
          return out_
              .members[static_cast<std::size_t>(out_.nodes[static_cast<std::size_t>(node)].first)]
              .dials_only;
        };
        if (a == b || (hidden(a) && hidden(b)))
          f.wrong(*f.find("between", false), "between", "names two of whom neither can be dialled",
                  "nomme deux nœuds dont aucun ne peut être appelé",
                  "leave out dial_out_only for one of them", "enlevez dial_out_only à l’un d’eux");
        out_.links.push_back({a, b, least, most, loss});
      }
  }
  void outage(Fields& f) {
    const Span when = f.span(out_.length_ms);
    const bool power = f.one_of("how", {"power", "stop"}, "power") == "power";
    f.find("of", false);
    for (const int node : nodes_named(f, "of", f.names("of")))
      out_.outages.push_back({when, node, power});
  }
  void partition(Fields& f) {
    PartitionPlan plan{f.span(out_.length_ms), {}};
    std::set<int> named;
    for (const auto& group : f.groups("groups")) {
      plan.groups.push_back(nodes_named(f, "groups", group));
      for (const int node : plan.groups.back())
        if (!named.insert(node).second)
          f.wrong(*f.find("groups", false), "groups", "names somebody twice",
                  "nomme quelqu’un deux fois", "put everybody in one group",
                  "mettez chacun dans un seul groupe");
    }
    out_.partitions.push_back(std::move(plan));
  }
  std::int64_t moment(Fields& f) {
    const std::int64_t at = f.seconds("at", std::nullopt);
    if (at > out_.length_ms)
      f.wrong(*f.find("at", false), "at", "is after the end", "est après la fin",
              "write at most `length`", "écrivez au plus `length`");
    return at;
  }
  void clock(Fields& f) {
    const std::int64_t at = moment(f);
    const std::int64_t offset = f.seconds("offset", std::nullopt, -kSecondsMax);
    f.find("of", false);
    for (const int node : nodes_named(f, "of", f.names("of")))
      out_.clocks.push_back({at, node, offset});
  }
  void decision(Fields& f) {
    using Kind = DecisionPlan::Kind;
    DecisionPlan plan;
    plan.at = moment(f);
    static const std::map<std::string, Kind> kKinds{
        {"admit", Kind::admit},       {"remove", Kind::remove},
        {"leave", Kind::leave},       {"delegate", Kind::delegate},
        {"charter", Kind::charter},   {"drop-delegate", Kind::drop_delegate}};
    plan.kind = kKinds.at(f.one_of(
        "kind", {"admit", "remove", "leave", "delegate", "drop-delegate", "charter"}));
    if (plan.kind == Kind::charter) {
      plan.key = f.one_of("key", {"quorum", "settlement_days", "feed_ops_max", "feed_bytes_max"});
      plan.value = std::to_string(f.whole("value", 0, 1'000'000'000, std::nullopt));
    } else {
      subject(f, plan);
    }
    if (plan.kind == Kind::leave) {
      plan.by = {plan.member};
    } else {
      f.find("by", false);
      for (const std::string& name : f.names("by")) plan.by.push_back(member_named(f, "by", name));
    }
    out_.decisions.push_back(std::move(plan));
  }
  /// On whom it is decided.
  void subject(Fields& f, DecisionPlan& plan) {
    using Kind = DecisionPlan::Kind;
    plan.member = member_named(f, "member", f.text("member"));
    if ((plan.kind == Kind::admit) == out_.members[static_cast<std::size_t>(plan.member)].founding)
      f.wrong(
          *f.find("member", false), "member",
          plan.kind == Kind::admit ? "is a member from the beginning" : "may be no member yet",
          plan.kind == Kind::admit ? "est membre dès le début" : "n’est peut-être pas membre",
          "only those with founding = false are admitted, and nothing else is decided on them",
          "seuls ceux qui ont founding = false sont admis, et rien d’autre n’est décidé sur eux");
  }
  void edit(Fields& f) {
    EditPlan plan;
    plan.when = f.span(out_.length_ms);
    plan.every_ms = f.seconds("every", 10'000);
    if (plan.every_ms < 10)
      f.wrong(*f.find("every", false), "every", "is too short", "est trop court",
              "write 0.01 or more", "écrivez 0.01 ou plus");
    plan.space = f.text("space", "");
    plan.records = static_cast<int>(f.whole("records", 1, 100'000, 20));
    const auto by = f.names("by");
    plan.by = nodes_named(f, "by", by);
    if (by.empty())
      for (std::size_t i = 0; i < out_.nodes.size(); ++i) plan.by.push_back(static_cast<int>(i));
    out_.edits.push_back(std::move(plan));
  }

  const Source& source_;
  Fields root_;
  Scenario out_;
  std::map<std::string, int> members_;
  std::map<std::string, std::vector<int>> nodes_of_;
};

}  // namespace

namespace {

/// The first line with which the parser cannot go on.
std::size_t where_it_ends(std::string_view text) {
  std::size_t line = 1;
  for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n', end + 1)) {
    try {
      (void)toml::parse(text.substr(0, end + 1));
    } catch (const toml::parse_error&) {
      // It goes on with what stands here, right or wrong.
    } catch (const BeyondTheParser&) {
      return line;
    }
    ++line;
  }
  return line;
}

toml::table parsed(const Source& source, const std::string& text) {
  const std::string hint = "see docs/simulate.md for an example";
  const std::string hint_fr = "voyez l’exemple de docs/simulate.md";
  if (const auto mistake = Grammar{text}.check())
    source.refuse(mistake->line, mistake->en, mistake->fr, hint, hint_fr);
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    const std::string what{error.description()};
    source.refuse(error.source(), "this is not TOML: " + what, "ce n’est pas du TOML : " + what,
                  hint, hint_fr);
  } catch (const BeyondTheParser&) {
    source.refuse(where_it_ends(text), "this is not TOML", "ce n’est pas du TOML", hint, hint_fr);
  }
}

}  // namespace

Result<Scenario> read_scenario(const std::string& text, const std::string& file) {
  const Source source{file};
  try {
    const toml::table root = parsed(source, text);
    return Reader{source, root}.read();
  } catch (const Fault& fault) {
    return fault.error;
  }
}

}  // namespace maillon::sim
