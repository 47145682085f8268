#include "node/cli/line.hpp"

/// Records one by one: get, find, put, delete, history, why.
namespace maillon::cli {

void add_records(Command app, Line& line) {
  Command get = app.add("get", line.say("Montre une fiche.", "Shows a record."), "get");
  add_record_arguments(get, line);
  get.flag("--authors", "authors",
           line.say("Aussi, qui a écrit chaque valeur, et chaque partie d’un texte",
                    "Also who wrote each value, and each part of a text"));

  Command find = app.add("find", line.say("Cherche des fiches.", "Finds records."), "find");
  const auto collection = [&line](Command command) {
    command.value("COLLECTION", "collection", line.say("Par exemple lieux", "For example lieux"))
        .required();
    command.value("--space", "space",
                  line.say("Espace (sinon, celui de la région)", "Space (else the region's)"));
  };
  collection(find);
  find.values("--where", "where",
              line.say("CHAMP=VALEUR, exactement ; peut se répéter",
                       "FIELD=VALUE, exactly; may be repeated"));
  find.value(
      "--text", "text",
      line.say("Mots à trouver, sans égard aux accents", "Words to find, whatever their accents"));
  find.value("--limit", "limit",
             line.say("Combien au plus (100) ; 0 : toutes", "How many at most (100); 0: all"));

  Command put = app.add(
      "put",
      line.say(
          "Crée une fiche, ou avec --id en modifie une. CHAMP= vide le champ ; CHAMP:=JSON écrit "
          "un nombre, true, false, null ou une liste ; CHAMP+=VALEUR ajoute à un ensemble, une liste, "
          "un texte ou un compteur, CHAMP-=VALEUR retire d’un ensemble, d’une liste ou d’un compteur, "
          "CHAMP+:=JSON et CHAMP-:=JSON de même.",
          "Makes a record, or with --id changes one. FIELD= clears the field; FIELD:=JSON writes "
          "a number, true, false, null or a list; FIELD+=VALUE adds to a set, list, text or counter, "
          "FIELD-=VALUE takes from a set, list or counter, and so do FIELD+:=JSON and FIELD-:=JSON."),
      "put");
  collection(put);
  put.values(line.say("CHAMP=VALEUR", "FIELD=VALUE"), "fields",
             line.say("Les valeurs à écrire, 512 au plus", "The values to write, at most 512"))
      .required()
      .up_to(limits::kFieldsMax);
  put.value("--id", "id",
            line.say("Identifiant d’une fiche qui existe", "Id of a record that exists"));
  put.values("--type", "type",
             line.say("CHAMP=TYPE d’un nouveau champ : register, set, counter, list, text, max, min",
                      "FIELD=TYPE of a new field: register, set, counter, list, text, max, min"));
  put.flag("--anyway", "anyway",
           line.say("Écrit aussi ce que le schéma de la collection n’accepte pas",
                    "Writes also what the collection's schema does not accept"));
  put.value("--key", "key",
            line.say("Nom à soi d’une fiche que seul ce membre peut modifier",
                     "One's own name for a record that only this member may change"));

  Command remove =
      app.add("delete", line.say("Supprime une fiche.", "Deletes a record."), "delete");
  add_record_arguments(remove, line);

  Command history = app.add(
      "history", line.say("Qui a changé quel champ, quand.", "Who changed which field when."),
      "history");
  add_record_arguments(history, line);

  Command schema = app.add("schema",
                           line.say("Les collections, et ce que leurs fiches doivent contenir.",
                                    "Collections, and what their records are expected to say."),
                           "");
  schema.needs_subcommand();
  schema.add("list", line.say("Les collections et leurs schémas.", "Collections and their schemas."),
             "schema list");
  Command show = schema.add(
      "show", line.say("Les champs d’une collection.", "The fields of a collection."), "schema show");
  collection(show);
  Command add = schema.add("add",
                           line.say("Partage un schéma (JSON), ou une version plus récente.",
                                    "Shares a schema (JSON), or a newer version of it."),
                           "schema add");
  add.path(line.say("FICHIER", "FILE"), line.input_path,
           line.say("Le fichier, ou - pour l’entrée standard", "The file, or - for standard input"))
      .required();
  add_space(add, line);

  Command why = app.add("why",
                        line.say("Pourquoi une fiche, ou un de ses champs, est là, absent, retenu ou "
                                 "caché.",
                                 "Why a record, or a field of it, is here, absent, held or hidden."),
                        "why");
  add_record_arguments(why, line);
  why.value("--field", "field", line.say("Pourquoi ce champ", "Why this field"));
}

}  // namespace maillon::cli
