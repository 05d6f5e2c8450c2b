// The directory in a vault.
#include <keywarden/auth/directory_store.hpp>

#include <thread>

#include <boost/test/unit_test.hpp>

#include "auth/fixture.hpp"
#include "vault/fixture.hpp"

namespace keywarden::testing {
namespace directory_store_test {

const std::string document = "master/document/master/directory";

struct server {
  installation<> here;
  vault v = here.open_or_create();
  database_handle master = with_master_key(v, "master");
  [[nodiscard]] database_handle elsewhere() const {
    return here.open().value().database("master").value();
  }
};
[[nodiscard]] auto adding(const object_name& login) {
  return [=](auth::directory& known) { return known.create_login(login); };
}

BOOST_AUTO_TEST_SUITE(directory_store)

BOOST_AUTO_TEST_CASE(where_none_was_stored_nobody_is_known) {
  server all;
  BOOST_TEST((auth::load_directory(all.master).value() == auth::directory()));
}

BOOST_AUTO_TEST_CASE(a_change_is_stored_and_seen_by_another_process) {
  server all;
  const auto known = connecting(with_partner(instance("partner").chain.front()));
  const auto stored = auth::change_directory(all.master, [&](auth::directory& now) {
    now = known;
    return done();
  });
  BOOST_REQUIRE(accepted(stored));
  BOOST_TEST((*stored == known));
  BOOST_TEST((auth::load_directory(all.elsewhere()).value() == known));
}

BOOST_AUTO_TEST_CASE(a_large_directory_is_stored_as_well) {
  server all;
  const auto stored = auth::change_directory(all.master, [](auth::directory& known) {
    for (int login = 0; login < 1000; ++login) {
      const auto name = called("a_login_with_a_rather_long_name_" + std::to_string(login));
      if (auto made = known.create_login(name); !made) return made;
      for (const auto& each : {"one", "two", "three", "four", "five", "six"})
        if (auto may = known.grant(auth::permission::connect, called(each), name); !may) return may;
    }
    return done();
  });
  BOOST_REQUIRE(accepted(stored));
  BOOST_TEST(auth::to_json(*stored).value().size() > std::size_t{600} << 10U);
  BOOST_TEST((auth::load_directory(all.elsewhere()).value() == *stored));
  static_assert(decltype(all.master.documents())::max_size >= auth::max_directory_size);
}

BOOST_AUTO_TEST_CASE(a_refused_change_stores_nothing) {
  server all;
  auth::change_directory(all.master, adding(partner_login)).value();
  const auto before = all.here.all();
  BOOST_TEST(
      refused_as(errc::already_exists, auth::change_directory(all.master, adding(partner_login))));
  BOOST_TEST((all.here.all() == before));
}

BOOST_AUTO_TEST_CASE(a_change_that_came_second_is_made_again_on_the_first) {
  server all;
  auto slow = all.here.place.open();
  const auto meanwhile = slow.before_commit();
  vault other = vault::open(std::move(slow), all.here.key()).value();
  auth::change_directory(all.master, adding("zero")).value();
  *meanwhile = [&] { auth::change_directory(all.master, adding("one")).value(); };
  int calls = 0;
  const auto stored =
      auth::change_directory(other.database("master").value(), [&](auth::directory& known) {
        ++calls;
        return known.create_login("two");
      });
  BOOST_REQUIRE(accepted(stored));
  BOOST_TEST(calls == 2);
  BOOST_TEST(auth::load_directory(all.master).value().logins().size() == 3U);
}

BOOST_AUTO_TEST_CASE(changes_of_many_threads_are_all_kept) {
  server all;
  std::vector<std::thread> threads;
  std::atomic<int> failed{0};
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      const auto db = all.elsewhere();
      for (int j = 0; j < 8; ++j)
        if (!auth::change_directory(
                db, adding(called("login_" + std::to_string(i) + "_" + std::to_string(j)))))
          ++failed;
    });
  for (auto& each : threads) each.join();
  BOOST_TEST(failed == 0);
  BOOST_TEST(auth::load_directory(all.master).value().logins().size() == 32U);
}

// Whoever can write the store

BOOST_AUTO_TEST_CASE(a_directory_that_was_altered_is_refused) {
  server all;
  auth::change_directory(all.master, adding(partner_login)).value();
  const auto genuine = all.here.read(document);
  for (std::size_t i = 0; i < genuine.size(); i += 7) {
    auto text = genuine;
    text[i] = static_cast<char>(text[i] ^ 0x20);
    all.here.write(document, text);
    BOOST_TEST(!auth::load_directory(all.master).has_value());
    BOOST_TEST(!auth::change_directory(all.master, adding("more")).has_value());
  }
}

BOOST_AUTO_TEST_CASE(a_directory_in_plain_text_is_refused) {
  server all;
  auth::change_directory(all.master, adding(partner_login)).value();
  all.here.write(document, auth::to_json(connecting(with_partner())).value());
  BOOST_TEST(!auth::load_directory(all.master).has_value());
}

BOOST_AUTO_TEST_CASE(another_document_in_its_place_is_refused) {
  server all;
  auth::change_directory(all.master, adding(partner_login)).value();
  const auto text = auth::to_json(connecting(with_partner())).value();
  all.master.documents().put("notes", as_bytes(text), std::nullopt).value();
  all.here.write(document, all.here.read("master/document/master/notes"));
  BOOST_TEST(refused_as(errc::authentication_failed, auth::load_directory(all.master)));
}

BOOST_AUTO_TEST_CASE(a_directory_without_its_key_is_refused_and_not_taken_for_an_empty_one) {
  server all;
  auth::change_directory(all.master, adding(partner_login)).value();
  all.here.write("db/master/symmetric_key/documents", std::nullopt);
  BOOST_TEST(!auth::load_directory(all.master).has_value());
  BOOST_TEST(!auth::change_directory(all.master, adding("more")).has_value());
}

BOOST_AUTO_TEST_CASE(a_directory_that_is_too_large_for_a_document_is_refused) {
  server all;
  const auto stored = auth::change_directory(all.master, [](auth::directory& known) {
    known = with_partner();
    const auto key = pki::signing_key::generate().value();
    const auto label = std::string(60, 'x');
    for (int i = 0; i < 90; ++i) {
      pki::certificate_options options{.subject = std::to_string(i)};
      for (int name = 0; name < 200; ++name)
        options.dns_names.push_back("n" + std::to_string(name) + "." + label + "." + label + "." +
                                    label + ".test");
      known
          .add_certificate(called("c" + std::to_string(i)),
                           pki::make_self_signed(key, options, today).value(), partner_user)
          .value();
    }
    return done();
  });
  BOOST_TEST(refused_as(errc::limit_exceeded, stored));
  BOOST_TEST((auth::load_directory(all.master).value() == auth::directory()));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace directory_store_test

}  // namespace keywarden::testing
