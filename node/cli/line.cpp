#include "node/cli/line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>

#include "node/cli/execute.hpp"

namespace maillon::cli {
namespace {

using admin::Language;
using admin::said;

Language language_of_locale() {
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == 0) continue;
    return std::string_view{value}.starts_with("fr") ? Language::french : Language::english;
  }
  return Language::english;
}

/// Before anything is parsed, so that help and errors speak it too.
void peek_at_globals(const std::vector<std::string>& words, Globals& globals) {
  globals.language = language_of_locale();
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string chosen;
    if (words[i] == "--lang" && i + 1 < words.size()) chosen = words[i + 1];
    if (words[i].starts_with("--lang=")) chosen = words[i].substr(7);
    if (!chosen.empty()) globals.language = chosen == "fr" ? Language::french : Language::english;
    globals.json |= words[i] == "--json";
  }
}

std::string default_folder() {
  const char* named = std::getenv("MAILLON_DATA");
  return named != nullptr && *named != 0 ? named : "/var/lib/maillon";
}

void add_globals(CLI::App& app, Line& line, std::string& data, std::string& language) {
  app.add_option("--data", data,
                 line.say("Dossier de données (sinon $MAILLON_DATA, sinon /var/lib/maillon)",
                          "Data folder (else $MAILLON_DATA, else /var/lib/maillon)"))
      ->take_last();
  app.add_flag("--json", line.globals.json,
               line.say("Un document JSON sur la sortie standard", "One JSON document on stdout"));
  app.add_option("--lang", language,
                 line.say("fr ou en (sinon, selon la machine)", "fr or en (else from the locale)"))
      ->check(CLI::IsMember({"fr", "en"}))
      ->take_last();
  app.add_flag("--quiet", line.globals.quiet, line.say("Sans progression", "No progress"));
}

void add_commands(CLI::App& app, Line& line) {
  const Command root{&app, &line};
  add_init(root, line);
  add_federation(root, line);
  add_join(root, line);
  add_serve(root, line);
  add_status(root, line);
  add_peer(root, line);
  add_sync(root, line);
  add_import(root, line);
  add_export(root, line);
  add_records(root, line);
  add_conflicts(root, line);
  add_directory(root, line);
  add_decisions(root, line);
  add_evidence(root, line);
  add_erasures(root, line);
  add_proofs(root, line);
  add_bundle(root, line);
  add_backup(root, line);
  add_verify(root, line);
  add_simulate(root, line);
  add_version(root, line);
}

void put_in_french(CLI::App& app) {
  auto labels = app.get_formatter();
  labels->label("Usage", "Usage");
  labels->label("REQUIRED", "(obligatoire)");
  labels->label("TEXT", "TEXTE");
  labels->label("SUBCOMMAND", "COMMANDE");
  labels->label("Positionals", "Arguments");
}

/// The kind of an option's value is CLI11's own word.
void name_kinds_in_french(CLI::App& app) {
  for (CLI::Option* option : app.get_options())
    if (option->get_type_name().starts_with("TEXT")) option->type_name("TEXTE");
  for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    name_kinds_in_french(*command);
}

/// `--format: zz not in {csv,json}`, as CLI11 says it.
void say_choices(const std::string& what, std::string& en, std::string& fr) {
  const auto colon = what.find(": ");
  const auto in = what.find(" not in {");
  if (colon == std::string::npos || in == std::string::npos || what.back() != '}') return;
  const std::string option = what.substr(0, colon);
  const std::string value = what.substr(colon + 2, in - colon - 2);
  std::string choices;
  for (const char c : what.substr(in + 9, what.size() - in - 10))
    choices += c == ',' ? std::string{", "} : std::string{c};
  en = option + " takes one of " + choices + ", not `" + value + "`";
  fr = option + " vaut l’un de " + choices + ", pas « " + value + " »";
}

/// The word that stands where a command should, if it names none.
std::string unknown_command(const CLI::App& root, const std::vector<std::string>& words) {
  const CLI::App* at = &root;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i].starts_with('-')) {
      if (words[i] == "--data" || words[i] == "--lang") ++i;
      continue;
    }
    const auto below = at->get_subcommands([](const CLI::App*) { return true; });
    if (below.empty()) break;
    const auto next = std::ranges::find(below, words[i], &CLI::App::get_name);
    if (next == below.end()) return words[i];
    at = *next;
  }
  return {};
}

Error in_words(const CLI::ParseError& error, const CLI::App& app,
               const std::vector<std::string>& words) {
  const std::string hint = "see `maillon --help`";
  const std::string hint_fr = "voyez « maillon --help »";
  if (const std::string word = unknown_command(app, words); !word.empty())
    return said(Errc::usage, "there is no command `" + word + "`",
                "il n’y a pas de commande « " + word + " »", hint, hint_fr);
  const std::string what = error.what();
  std::string fr = "arguments incorrects : " + what;
  std::string en = what;
  if (what == "A subcommand is required") {
    en = "a command is missing";
    fr = "il manque une commande";
  } else if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    fr = "il manque " + what.substr(0, what.find(" is required"));
    en = what.substr(0, what.find(" is required")) + " is missing";
  } else if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    const std::string extra = what.substr(what.find(": ") + 2);
    fr = "argument inattendu : " + extra;
    en = "unexpected argument: " + extra;
  } else if (dynamic_cast<const CLI::ValidationError*>(&error) != nullptr) {
    fr = "valeur refusée, " + what;
    say_choices(what, en, fr);
  } else if (const auto most = what.find(": At Most "); most != std::string::npos) {
    const std::string number = what.substr(most + 10, what.find(' ', most + 10) - most - 10);
    fr = what.substr(0, most) + " : " + number + " au plus";
    en = what.substr(0, most) + ": at most " + number;
  } else if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    fr = "il manque une valeur, " + what;
  }
  return said(Errc::usage, std::move(en), std::move(fr), hint, hint_fr);
}

}  // namespace

bool parse(int argc, char** argv, Line& line, int& exit_code) {
  const std::vector<std::string> words{argv + 1, argv + argc};
  peek_at_globals(words, line.globals);
  CLI::App app{line.say("Maillon : des données partagées entre coopératives, sans serveur central.",
                        "Maillon: data shared between cooperatives, without a central server."),
               "maillon"};
  app.fallthrough();
  app.require_subcommand(1);
  app.set_help_flag("-h,--help", line.say("Montre cette aide", "Shows this help"));
  if (line.globals.language == Language::french) put_in_french(app);
  std::string data = default_folder();
  std::string language;
  add_globals(app, line, data, language);
  add_commands(app, line);
  if (line.globals.language == Language::french) name_kinds_in_french(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    line.globals.json = false;  // People ask for help.
    admin::Reply help;
    help.text = app.help();
    exit_code = present(line, help);
    return false;
  } catch (const CLI::ParseError& error) {
    exit_code = fail(line, in_words(error, app, words));
    return false;
  }
  line.globals.data = data;
  line.request.language = line.globals.language;
  line.request.json = line.globals.json;
  return true;
}

Argument Argument::required() {
  option_->required();
  return *this;
}
Argument Argument::one_of(const std::vector<std::string>& words) {
  option_->check(CLI::IsMember(words));
  return *this;
}
Argument Argument::up_to(std::size_t times) {
  option_->expected(1, static_cast<int>(times));
  return *this;
}
bool Argument::given() const { return option_->count() > 0; }

Command Command::add(const std::string& name, const std::string& help, const std::string& request) {
  CLI::App* command = app_->add_subcommand(name, help);
  command->group(line_->say("Commandes", "Commands"));
  command->set_help_flag("-h,--help", line_->say("Montre cette aide", "Shows this help"));
  if (!request.empty()) command->callback([to = line_, request] { to->request.command = request; });
  return {command, line_};
}

void Command::needs_subcommand() { app_->require_subcommand(1); }

void Command::then(std::function<void()> what) { app_->callback(std::move(what)); }

Argument Command::take(const std::string& name, std::function<void(const std::string&)> take,
                       const std::string& help) {
  return Argument{app_->add_option_function<std::string>(name, take, help)};
}

Argument Command::each(const std::string& name, std::function<void(const std::string&)> take,
                       const std::string& help) {
  const auto all = [one = std::move(take)](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) one(text);
  };
  CLI::Option* out = app_->add_option_function<std::vector<std::string>>(name, all, help);
  out->allow_extra_args(false);
  return Argument{out};
}

Argument Command::path(const std::string& name, std::string& into, const std::string& help) {
  return Argument{app_->add_option(name, into, help)};
}

Argument Command::switch_on(const std::string& name, bool& into, const std::string& help) {
  return Argument{app_->add_flag(name, into, help)};
}

Argument Command::value(const std::string& name, const std::string& key, const std::string& help) {
  return take(
      name, [to = line_, key](const std::string& text) { to->request.options[key] = {text}; },
      help);
}

Argument Command::values(const std::string& name, const std::string& key, const std::string& help) {
  const auto take = [to = line_, key](const std::vector<std::string>& texts) {
    to->request.options[key] = texts;
  };
  CLI::Option* out = app_->add_option_function<std::vector<std::string>>(name, take, help);
  // `--where a=b lieux` must not take lieux as a second condition.
  if (name.starts_with('-')) out->allow_extra_args(false);
  return Argument{out};
}

Argument Command::flag(const std::string& name, const std::string& key, const std::string& help) {
  const auto set = [to = line_, key] { to->request.options[key] = {"1"}; };
  return Argument{app_->add_flag_callback(name, set, help)};
}

void add_space(Command command, Line& line) {
  command.value("--space", "space",
                line.say("Espace (sinon, celui de la région)", "Space (else the region's)"));
}

void add_record_arguments(Command command, Line& line) {
  command.value("COLLECTION", "collection", line.say("Par exemple lieux", "For example lieux"))
      .required();
  command
      .value("ID", "id",
             line.say("Identifiant de la fiche, ou celui de sa source",
                      "Id of the record, or the one of its source"))
      .required();
  add_space(command, line);
}

}  // namespace maillon::cli
