// Documents that only who holds the database master key can have written.
#include <keywarden/vault/sealed_documents.hpp>

#include <boost/test/unit_test.hpp>

#include "vault/compiled_once.hpp"

namespace keywarden::testing {
namespace sealed_documents_test {

constexpr object_name first = "first";
constexpr object_name second = "second";

[[nodiscard]] std::string stored_at(std::string_view name, std::string_view database = "sales") {
  return "master/document/" + std::string(database) + "/" + std::string(name);
}

struct shelf {
  installation<> here;
  vault v = here.open_or_create();
  database_handle db = with_master_key(v);

  void put(const object_name& name, std::string_view text) const {
    auto documents = db.documents();
    const auto present = documents.get(name);
    documents
        .put(name, as_bytes(text),
             present ? std::optional(present->revision) : std::optional<store::revision>())
        .value();
  }
  [[nodiscard]] std::string get(const object_name& name) const {
    return std::string(db.documents().get(name).value().content.text());
  }
};

BOOST_AUTO_TEST_SUITE(sealed_documents)

BOOST_AUTO_TEST_CASE(what_is_put_is_got_also_by_another_process) {
  shelf all;
  all.put(first, "content of the first");
  BOOST_TEST(all.get(first) == "content of the first");
  const auto elsewhere = all.here.open().value().database("sales").value();
  BOOST_TEST(std::string(elsewhere.documents().get(first).value().content.text()) ==
             "content of the first");
}

BOOST_AUTO_TEST_CASE(the_content_is_not_in_the_store) {
  shelf all;
  all.put(first, "a login that nobody may read");
  for (const auto& [name, content] : all.here.all())
    BOOST_TEST(content.find("a login that nobody may read") == std::string::npos, name);
}

BOOST_AUTO_TEST_CASE(an_empty_document_and_the_largest_are_documents) {
  shelf all;
  all.put(first, "");
  BOOST_TEST(all.get(first).empty());
  const std::string largest(std::size_t{4} << 20U, 'x');
  all.put(second, largest);
  BOOST_TEST((all.get(second) == largest));
  BOOST_TEST(refused_as(errc::limit_exceeded,
                        all.db.documents().put("third", as_bytes(largest + "x"), std::nullopt)));
}

BOOST_AUTO_TEST_CASE(a_document_is_replaced_only_at_its_revision) {
  shelf all;
  auto documents = all.db.documents();
  BOOST_TEST(accepted(documents.put(first, as_bytes("one"), std::nullopt)));
  BOOST_TEST(refused_as(errc::store_conflict, documents.put(first, as_bytes("two"), std::nullopt)));
  const auto before = documents.get(first).value().revision;
  BOOST_TEST(accepted(documents.put(first, as_bytes("two"), before)));
  BOOST_TEST(refused_as(errc::store_conflict, documents.put(first, as_bytes("three"), before)));
  BOOST_TEST(all.get(first) == "two");
  BOOST_TEST(refused_as(errc::store_conflict, documents.put(second, as_bytes("x"), before)));
}

BOOST_AUTO_TEST_CASE(documents_are_listed_and_dropped) {
  shelf all;
  all.put(second, "2");
  all.put(first, "1");
  const std::vector<std::string> both = {"first", "second"};
  BOOST_TEST(all.db.documents().list().value() == both);
  BOOST_TEST(accepted(all.db.documents().drop(first)));
  BOOST_TEST(refused_as(errc::not_found, all.db.documents().get(first)));
  BOOST_TEST(refused_as(errc::not_found, all.db.documents().drop(first)));
  BOOST_TEST(all.get(second) == "2");
}

BOOST_AUTO_TEST_CASE(what_lists_keys_is_not_confused_by_documents) {
  shelf all;
  all.put(first, "1");
  BOOST_TEST(all.db.key_encryptions().value().size() > 0U);
  BOOST_TEST(accepted(all.v.rotations_due()));
  BOOST_TEST(accepted(all.v.status()));
  BOOST_TEST(accepted(all.db.master_key().regenerate(other_password)));
  BOOST_TEST(all.get(first) == "1");
}

// Whoever can write the store

BOOST_AUTO_TEST_CASE(two_swapped_documents_are_refused) {
  shelf all;
  all.put(first, "one");
  all.put(second, "two");
  const auto one = all.here.read(stored_at("first"));
  all.here.write(stored_at("first"), all.here.read(stored_at("second")));
  all.here.write(stored_at("second"), one);
  BOOST_TEST(refused_as(errc::authentication_failed, all.db.documents().get(first)));
  BOOST_TEST(refused_as(errc::authentication_failed, all.db.documents().get(second)));
}

BOOST_AUTO_TEST_CASE(a_document_under_another_name_or_database_is_refused) {
  shelf all;
  all.put(first, "one");
  all.here.write(stored_at("copy"), all.here.read(stored_at("first")));
  BOOST_TEST(refused_as(errc::authentication_failed, all.db.documents().get("copy")));
  // Another database, even with a copy of the key's record.
  const auto other = with_master_key(all.v, "archive");
  other.documents().put("own", as_bytes("x"), std::nullopt).value();
  all.here.write(stored_at("first", "archive"), all.here.read(stored_at("first")));
  BOOST_TEST(refused_as(errc::unknown_key, other.documents().get(first)));
  all.here.write("db/archive/symmetric_key/documents",
                 all.here.read("db/sales/symmetric_key/documents"));
  BOOST_TEST(!other.documents().get(first).has_value());
}

BOOST_AUTO_TEST_CASE(every_flipped_byte_is_refused) {
  shelf all;
  all.put(first, "a short document");
  const auto genuine = all.here.read(stored_at("first"));
  for (std::size_t i = 0; i < genuine.size(); ++i) {
    auto text = genuine;
    text[i] = static_cast<char>(text[i] ^ 0x01);
    all.here.write(stored_at("first"), text);
    BOOST_TEST(!all.db.documents().get(first).has_value(), "byte " << i);
  }
  all.here.write(stored_at("first"), genuine);
  BOOST_TEST(all.get(first) == "a short document");
}

BOOST_AUTO_TEST_CASE(every_cut_and_every_extension_is_refused) {
  shelf all;
  all.put(first, "a short document");
  const auto genuine = all.here.read(stored_at("first"));
  for (std::size_t size = 0; size < genuine.size(); ++size) {
    all.here.write(stored_at("first"), genuine.substr(0, size));
    BOOST_TEST(!all.db.documents().get(first).has_value(), "size " << size);
  }
  all.here.write(stored_at("first"), genuine + "x");
  BOOST_TEST(!all.db.documents().get(first).has_value());
  all.here.write(stored_at("first"), std::string(std::size_t{5} << 20U, 'x'));
  BOOST_TEST(refused_as(errc::limit_exceeded, all.db.documents().get(first)));
}

BOOST_AUTO_TEST_CASE(a_key_made_for_a_certificates_public_key_is_not_taken_for_ours) {
  // Anybody can make a record that a certificate opens: its public key is in the store.
  shelf all;
  all.db.certificates().create(called("auditor")).value();
  all.db.keys().create(called("documents"), by::certificate{called("auditor")}).value();
  BOOST_TEST(accepted(all.db.keys().open<rows>(called("documents"))));
  BOOST_TEST(
      refused_as(errc::no_slot_opened, all.db.documents().put(first, as_bytes("x"), std::nullopt)));
}

BOOST_AUTO_TEST_CASE(another_key_of_the_database_in_its_place_is_refused) {
  shelf all;
  all.put(first, "one");
  all.db.keys().create(called("other"), by::master_key{}).value();
  all.here.write("db/sales/symmetric_key/documents", all.here.read("db/sales/symmetric_key/other"));
  BOOST_TEST(refused_as(errc::authentication_failed, all.db.documents().get(first)));
}

BOOST_AUTO_TEST_CASE(an_earlier_state_of_a_whole_document_is_not_noticed) {
  shelf all;  // stated in the documentation: this is what it looks like
  all.put(first, "granted");
  const auto before = all.here.read(stored_at("first"));
  all.put(first, "revoked");
  all.here.write(stored_at("first"), before);
  BOOST_TEST(all.get(first) == "granted");
}

// The key

BOOST_AUTO_TEST_CASE(without_a_master_key_there_are_no_documents) {
  installation<> here;
  auto v = here.open_or_create();
  auto db = v.create_database("bare").value();
  BOOST_TEST(refused_as(errc::not_found, db.documents().get(first)));
  BOOST_TEST(refused_as(errc::not_found, db.documents().put(first, as_bytes("x"), std::nullopt)));
  BOOST_TEST(db.documents().list().value().empty());
}

BOOST_AUTO_TEST_CASE(a_master_key_that_is_not_open_opens_no_document) {
  shelf all;
  all.put(first, "one");
  all.db.master_key().drop_service_key().value();
  BOOST_TEST(refused_as(errc::not_open, all.db.documents().get(first)));
  BOOST_TEST(
      refused_as(errc::not_open, all.db.documents().put(second, as_bytes("x"), std::nullopt)));
  const auto guard = all.db.master_key().open(dmk_password).value();
  BOOST_TEST(all.get(first) == "one");
}

BOOST_AUTO_TEST_CASE(documents_outlive_a_rotation_of_their_key) {
  shelf all;
  all.put(first, "one");
  all.db.keys().rotate(called("documents")).value();
  BOOST_TEST(all.get(first) == "one");
  all.put(first, "two");
  BOOST_TEST(all.get(first) == "two");
}

BOOST_AUTO_TEST_CASE(a_document_whose_key_is_gone_is_refused_not_missing) {
  shelf all;
  all.put(first, "one");
  all.db.keys().drop(called("documents")).value();
  const auto got = all.db.documents().get(first);
  BOOST_REQUIRE(!got.has_value());
  BOOST_TEST(!got.error().causes().empty());
  all.put(second, "two");  // a new key
  BOOST_TEST(refused_as(errc::unknown_key, all.db.documents().get(first)));
  BOOST_TEST(all.get(second) == "two");
}

BOOST_AUTO_TEST_CASE(two_processes_that_need_the_key_first_get_the_same) {
  shelf all;
  auto elsewhere = all.here.open().value().database("sales").value();
  auto slow = all.here.place.open();
  const auto meanwhile = slow.before_commit();
  vault racing = vault::open(std::move(slow), all.here.key()).value();
  const auto db = racing.database("sales").value();
  *meanwhile = [&] { elsewhere.documents().put(first, as_bytes("theirs"), std::nullopt).value(); };
  BOOST_TEST(accepted(db.documents().put(second, as_bytes("ours"), std::nullopt)));
  BOOST_TEST(all.get(first) == "theirs");
  BOOST_TEST(all.get(second) == "ours");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace sealed_documents_test

}  // namespace keywarden::testing
