#include <algorithm>

#include "node/catalogue/lieux_lists.hpp"
#include "node/catalogue/lieux_schema.hpp"

namespace maillon::catalogue {
namespace {

constexpr std::string_view kListSeparators[] = {";", "|", "\n", "\r"};

/// A term of v0.1 as cells hold it, folded.
struct OldTerm {
  std::string folded_term;
  const TermMove* move;
};

/// Files also shorten "Gratuit : Je peux…" to "Gratuit".
const std::vector<OldTerm>& old_terms() {
  static const std::vector<OldTerm> terms = [] {
    std::vector<OldTerm> out;
    for (const TermMove& move : term_moves()) {
      out.push_back({folded(move.old_term), &move});
      if (const auto colon = move.old_term.find(" : "); colon != std::string_view::npos)
        out.push_back({folded(move.old_term.substr(0, colon)), &move});
    }
    return out;
  }();
  return terms;
}

/// Where a term of an old column goes, in the order of the table; empty if nowhere.
std::vector<const TermMove*> moves_of(std::string_view old_field, std::string_view term) {
  std::vector<const TermMove*> out;
  for (const TermMove& move : term_moves())
    if (move.old_field == old_field && move.old_term == term) out.push_back(&move);
  if (!out.empty()) return out;
  const std::string wanted = folded(term);
  for (const auto& [known, move] : old_terms())
    if (move->old_field == old_field && is_same_folded(known, wanted)) out.push_back(move);
  return out;
}

std::string joined(const std::vector<std::string>& terms, char separator) {
  std::string out;
  for (const std::string& term : terms) {
    if (!out.empty()) out.push_back(separator);
    out += term;
  }
  return out;
}

/// The row of v1 in the making.
class Draft {
 public:
  void put(std::string_view field, Value value) {
    out_.emplace_back(std::string{field}, std::move(value));
  }

  /// Puts a value where there is none yet; false if another one is there.
  bool fill(std::string_view field, const Value& value) {
    const auto found = std::ranges::find(out_, field, &Field::first);
    if (found == out_.end())
      put(field, value);
    else if (found->second == Value::of_text(""))
      found->second = value;
    else
      return found->second == value;
    return true;
  }

  /// Adds a term to a list, unless it is there.
  void add_term(std::string_view field, std::string_view term) {
    if (fill(field, Value::of_text(std::string{term}))) return;
    const auto found = std::ranges::find(out_, field, &Field::first);
    std::string text = found->second.display();
    static constexpr std::string_view kBar[] = {"|"};
    const auto present = pieces(text, kBar);
    if (std::ranges::find(present, term) != present.end()) return;
    text.push_back('|');
    text += term;
    found->second = Value::of_text(std::move(text));
  }

  [[nodiscard]] Fields take() {
    const auto official = lieux_columns(LieuxVersion::v1);
    std::ranges::stable_sort(out_, {}, [&](const Field& field) {
      return std::ranges::find(official, field.first) - official.begin();
    });
    return std::move(out_);
  }

 private:
  Fields out_;
};

/// `services` and `modalites_accompagnement`: same column, other words.
std::string reworded(std::string_view field, const std::string& text) {
  const ClosedList* list = closed_list(LieuxVersion::v1, field);
  const auto is_v1 = [&](std::string_view term) {
    return std::ranges::find(list->terms, term) != list->terms.end();
  };
  const auto known = [&](std::string_view term) {
    return is_v1(term) || !moves_of(field, term).empty() || !same_term(*list, term).empty();
  };
  std::vector<std::string> out;
  bool any = false;
  const auto add = [&](std::string_view term) {
    if (std::ranges::find(out, term) == out.end()) out.emplace_back(term);
  };
  for (const std::string& term : split_terms(text, known)) {
    any = any || known(term);
    const auto moves = moves_of(field, term);
    if (is_v1(term) || (moves.empty() && same_term(*list, term).empty()))
      add(term);
    else if (moves.empty())
      add(same_term(*list, term));
    else
      for (const TermMove* move : moves) add(move->new_term);
  }
  return any ? joined(out, '|') : text;
}

/// Lists whose terms v1 keeps in other columns; what it does not know stays in the old one.
void scatter(Draft& draft, const std::string& column, std::string_view old_field,
             std::string_view new_field, const Value& value) {
  const ClosedList* list = closed_list(LieuxVersion::v1, new_field);
  const auto known = [&](std::string_view term) {
    return !moves_of(old_field, term).empty() || !same_term(*list, term).empty();
  };
  std::vector<std::string> left;
  bool moved = false;
  for (const std::string& term : split_terms(value.text(), known)) {
    const auto moves = moves_of(old_field, term);
    for (const TermMove* move : moves) draft.add_term(move->new_field, move->new_term);
    const std::string_view same = moves.empty() ? same_term(*list, term) : std::string_view{};
    if (!same.empty()) draft.add_term(new_field, same);
    if (moves.empty() && same.empty())
      left.push_back(term);
    else
      moved = true;
  }
  if (!moved)
    draft.put(column, value);
  else if (!left.empty())
    draft.put(column, Value::of_text(joined(left, ';')));
}

/// Free labels: those that v1 lists by name go there.
void move_other_labels(Draft& draft, const std::string& text) {
  for (const std::string_view label : pieces(text, kListSeparators)) {
    std::string_view field = "autres_formations_labels";
    std::string_view term = label;
    for (const std::string_view listed : {"formations_labels", "dispositif_programmes_nationaux"}) {
      const std::string_view same = same_term(*closed_list(LieuxVersion::v1, listed), label);
      if (same.empty()) continue;
      field = listed;
      term = same;
    }
    draft.add_term(field, term);
  }
}

/// A web address may hold a semicolon: only one before another address separates.
std::string rejoined_urls(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::size_t next = text.find_first_not_of(' ', i + 1);
    next = std::min(next, text.size());
    const std::string_view rest = std::string_view{text}.substr(next);
    const bool separates = text[i] == ';' && (rest.starts_with("http") || rest.starts_with("www."));
    if (!separates) {
      out.push_back(text[i]);
      continue;
    }
    out.push_back('|');
    i = next - 1;
  }
  return out;
}

std::string rejoined(const std::string& text, std::span<const std::string_view> separators) {
  std::vector<std::string> terms;
  for (const std::string_view piece : pieces(text, separators)) terms.emplace_back(piece);
  return joined(terms, '|');
}

void migrate_renamed(Draft& draft, const std::string& column, const Value& value,
                     const ColumnMove& move) {
  static constexpr std::string_view kMailSeparators[] = {";", "|", ",", "\n", "\r"};
  if (column == "courriel") {
    for (const std::string_view mail : pieces(value.text(), kMailSeparators))
      draft.add_term(move.new_field, mail);
  } else if (column == "labels_autres") {
    move_other_labels(draft, value.text());
  } else if (column == "accessibilite") {
    if (!draft.fill(move.new_field, value)) draft.put(column, value);
  } else {
    const bool misspelt = column == "conditions_access";
    scatter(draft, column, misspelt ? "conditions_acces" : column, move.new_field, value);
  }
}

}  // namespace

Fields migrate_v01_to_v1(const Fields& fields) {
  const auto move_of = [](const std::string& column) -> const ColumnMove* {
    const auto moves = column_moves();
    const auto found = std::ranges::find(moves, column, &ColumnMove::old_field);
    return found == moves.end() ? nullptr : &*found;
  };
  Draft draft;
  // First what keeps its column, so that terms that move there join what is there already.
  for (const auto& [column, value] : fields) {
    if (value.kind() != Value::Kind::text) {
      draft.put(column, value);
    } else if (column == "services" || column == "modalites_accompagnement") {
      draft.put(column, Value::of_text(reworded(column, value.text())));
    } else if (column == "typologie") {
      draft.put(column, Value::of_text(rejoined(value.text(), kListSeparators)));
    } else if (column == "site_web") {
      draft.put(column, Value::of_text(rejoined_urls(value.text())));
    } else if (move_of(column) == nullptr) {
      draft.put(column, value);
    }
  }
  for (const auto& [column, value] : fields) {
    const ColumnMove* move = move_of(column);
    // An empty list has nothing to move, and v1 has no such column.
    if (move != nullptr && value.kind() == Value::Kind::text && !value.text().empty())
      migrate_renamed(draft, column, value, *move);
  }
  return draft.take();
}

}  // namespace maillon::catalogue
