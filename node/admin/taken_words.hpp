#pragma once

#include "node/admin/call.hpp"

/// Rights in a space that a decision took from this node's member, in words for `status`.
namespace maillon::admin {

/// One sentence for each, without its full stop: since when, by which decision, and what can be
/// done.
[[nodiscard]] std::vector<std::string> taken_rights_in_words(Call& call);
/// {"rights_taken": […]} of an open object.
void write_taken_rights(JsonWriter& json, Call& call);

}  // namespace maillon::admin
