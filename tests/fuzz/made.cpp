#include "tests/fuzz/made.hpp"

#include "storage/proof/record_proof.hpp"
#include "tests/support/federation.hpp"

namespace maillon::fuzz {
namespace {

using namespace storage;
using namespace test;
using namespace std::chrono_literals;

constexpr UnixMillis kStart{1'790'000'000'000};
constexpr std::string_view kSpace = "catalogue/28";
using How = FieldEdit::How;

Value text(std::string_view words) { return Value::of_text(std::string{words}); }

RecordId record_number(std::uint8_t number) {
  std::array<std::uint8_t, RecordId::kSize> raw{};
  raw[0] = number;
  return RecordId::from_array(raw);
}

Change edited(std::uint8_t record, std::vector<FieldEdit> edits) {
  Change out = patch("lieux", record_number(record), {});
  out.edits = std::move(edits);
  return out;
}

/// Something for a field of each type; `mark` tells who wrote it.
std::vector<FieldEdit> all_types(std::string_view mark) {
  const Value number{Value::Kind::number, "3"};
  return {{"compte", FieldTag::counter, How::add, {number}},
          {"horaires", FieldTag::text, How::add, {text("Ouvert le lundi, ")}},
          {"liste", FieldTag::list, How::add, {text(mark), text("b")}},
          {"max", FieldTag::max, How::set, {number}},
          {"services", FieldTag::set, How::add, {text(mark)}}};
}

class Founding {
 public:
  Made run() {
    a_.found("28", kStart);
    b_.join(a_, kStart + 1min);
    c_.join(a_, kStart + 2min);
    meet(kStart + 3min);
    write(a_, {imported("lieux", "carte", "1", {{"nom", text("Médiathèque")}, {"tel", text("05")}}),
               edited(1, all_types("a"))});
    meet(kStart + 10min);
    // Two at once, then one who has seen both.
    write(b_, {patch("lieux", record_number(1), {{"tel", text("06")}}), edited(1, all_types("b"))});
    write(c_, {patch("lieux", record_number(1), {{"tel", text("07")}}), edited(1, all_types("c")),
               removal("lieux", derived_record_id("lieux", "carte", "1"))});
    meet(kStart + 20min);
    write(a_, {edited(1, {{"horaires", FieldTag::text, How::set, {text("Ouvert mardi")}},
                          {"liste", FieldTag::list, How::set, {text("b"), text("a")}},
                          {"services", FieldTag::set, How::remove, {text("a")}}})});
    write(b_, {patch("lieux", record_number(2), {{"nom", text("Tiers-lieu")}})});
    meet(kStart + 30min);
    return gathered();
  }

 private:
  void write(TestNode& who, const std::vector<Change>& changes) {
    for (const Change& change : changes) (void)who.write(kSpace, {change}, now_);
    now_ += 1min;
  }
  void meet(UnixMillis now) {
    now_ = now;
    for (TestNode* to : {&a_, &b_, &c_})
      for (TestNode* from : {&a_, &b_, &c_})
        if (to != from) to->pull(*from, now_);
  }
  Made gathered() {
    Made out;
    Store& store = *a_.store;
    out.federation = *store.federation();
    out.now = now_ + 1min;
    for (std::int64_t id = 1; id <= must(store.log().last_id()); ++id)
      out.commits.push_back(must(load_commit(must(store.log().bytes_of(id)))));
    out.proof =
        encode(must(prove_record(store.log(), store.records(), store.names(), *store.trust(),
                                 a_.space(kSpace), "lieux", record_number(1))));
    auto get = must(store.database().prepare("SELECT state FROM record ORDER BY id"));
    while (must(get.step())) out.states.emplace_back(get.blob(0).begin(), get.blob(0).end());
    return out;
  }

  TestNode a_{"A", 1, {":memory:"}};
  TestNode b_{"B", 2, {":memory:"}};
  TestNode c_{"C", 3, {":memory:"}};
  UnixMillis now_ = kStart;
};

}  // namespace

const Made& made() {
  static const Made out = Founding{}.run();
  return out;
}

}  // namespace maillon::fuzz
