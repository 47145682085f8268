#include <charconv>

#include "node/admin/json_writer.hpp"
#include "node/cli/execute.hpp"
#include "node/cli/files.hpp"
#include "node/cli/progress.hpp"
#include "node/simulator/play.hpp"

/// simulate.
namespace maillon::cli {
namespace {

struct Options {
  std::string file;
  std::string seed = "1";
};

Result<std::uint64_t> number_of(const std::string& text) {
  std::uint64_t out = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, out);
  if (error != std::errc{} || at != end)
    return admin::said(Errc::usage, "`" + text + "` is no seed",
                       "« " + text + " » n’est pas une graine", "write a whole number, 0 or more",
                       "écrivez un nombre entier, 0 ou plus");
  return out;
}

/// 63.5, for programs and people.
std::string seconds(std::int64_t ms) { return fmt::format("{}.{:03}", ms / 1000, ms % 1000); }

std::string as_json(const sim::Played& played) {
  admin::JsonWriter json;
  json.object()
      .field("converged", played.converged)
      .key("virtual_seconds")
      .value(Value{Value::Kind::number, seconds(played.time_ms)})
      .field("bytes", played.bytes)
      .field("digest", played.digest.hex())
      .field("nodes", played.nodes)
      .field("edits", played.edits)
      .field("commits", played.commits)
      .field("received", played.copies)
      .key("spaces")
      .array();
  for (const auto& [name, space] : played.spaces)
    json.object()
        .field("name", name)
        .field("readers", space.readers)
        .field("commits", space.commits)
        .field("records", space.records)
        .field("conflicts", space.conflicts)
        .end_object();
  json.end_array().key("events").array();
  for (const sim::Event& event : played.events)
    json.object()
        .key("time")
        .value(Value{Value::Kind::number, seconds(event.time_ms)})
        .field("what", event.en)
        .end_object();
  json.end_array().end_object();
  return json.take();
}

std::string in_words(const Line& line, const sim::Scenario& scenario, const sim::Played& played) {
  const bool french = line.globals.language == admin::Language::french;
  std::string out = scenario.name.empty() ? "" : scenario.name + "\n\n";
  for (const sim::Event& event : played.events)
    out += fmt::format("{:>10}  {}\n", seconds(event.time_ms), french ? event.fr : event.en);
  std::vector<std::vector<std::string>> rows{
      {line.say("espace", "space"), line.say("nœuds", "nodes"), "commits",
       line.say("fiches", "records"), line.say("conflits", "conflicts")}};
  for (const auto& [name, space] : played.spaces)
    rows.push_back({name, std::to_string(space.readers), admin::grouped(space.commits),
                    admin::grouped(space.records), admin::grouped(space.conflicts)});
  out += "\n" + admin::table(rows) + "\n";
  out += line.say("{} nœuds, {} modifications, {} échangés, {} commits reçus.\n",
                  "{} nodes, {} edits, {} exchanged, {} commits received.\n", played.nodes,
                  played.edits, admin::bytes_in_words(played.bytes, line.globals.language),
                  admin::grouped(static_cast<std::int64_t>(played.copies)));
  out += played.converged
             ? line.say("Tous sont d’accord à {} s. Empreinte : {}\n",
                        "All agree at {} s. Digest: {}\n", seconds(played.time_ms),
                        played.digest.hex())
             : line.say("Ils ne sont pas d’accord à {} s : {}\n", "They do not agree at {} s: {}\n",
                        seconds(played.time_ms), french ? played.apart_fr : played.apart_en);
  return out;
}

int simulate(Line& line, const Options& options) {
  const auto seed = number_of(options.seed);
  if (seed.has_error()) return fail(line, seed.error());
  const auto text = read_input(options.file);
  if (text.has_error()) return fail(line, text.error());
  const auto scenario = sim::read_scenario({text->begin(), text->end()}, options.file);
  if (scenario.has_error()) return fail(line, scenario.error());
  Progress progress{line.globals.quiet};
  const auto played = sim::play(*scenario, *seed, [&](double part) {
    progress.show(part, line.say("simulation", "simulating"));
  });
  progress.clear();
  if (played.has_error()) return fail(line, played.error());
  admin::Reply reply;
  reply.exit_code = played->converged ? 0 : 1;
  reply.json = as_json(*played);
  reply.text = in_words(line, *scenario, *played);
  return present(line, reply);
}

}  // namespace

void add_simulate(Command app, Line& line) {
  Command command =
      app.add("simulate",
              line.say("Joue une fédération décrite dans un fichier sur un réseau simulé ; le "
                       "même fichier et la même graine donnent le même résultat.",
                       "Plays a federation described in a file on a simulated network; the same "
                       "file and seed give the same result."),
              "");
  const auto options = std::make_shared<Options>();
  command.path("FILE", options->file, line.say("Le scénario, en TOML", "The scenario, in TOML"))
      .required();
  command.path("--seed", options->seed,
               line.say("Graine du hasard, un nombre (1)", "Seed of chance, a number (1)"));
  command.then([&line, options] {
    line.action = [options](Line& parsed) { return simulate(parsed, *options); };
  });
}

}  // namespace maillon::cli
