#include <boost/test/unit_test.hpp>

#include <keywarden/protect/account.hpp>
#include <keywarden/protect/machine.hpp>
#include <keywarden/store/memory.hpp>
#include <keywarden/vault/describe.hpp>

namespace describe_test {

namespace kw = keywarden;
namespace protect = keywarden::protect;

struct production {
  using cipher = kw::crypto::aes256_gcm;
  using service_key = protect::self_healing<protect::any_of<protect::account, protect::machine>>;
  using database_key = protect::any_of<protect::service_master_key, protect::password<>>;
  using store = kw::store::memory;
};

// Both ways in need the machine: losing it loses everything, and the description has to say so.
struct tied_to_the_machine : production {
  using service_key = protect::self_healing<
      protect::any_of<protect::all_of<protect::account, protect::machine>, protect::machine>>;
};

bool says(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

BOOST_AUTO_TEST_SUITE(vault_describe)

BOOST_AUTO_TEST_CASE(every_combination_of_losses_has_its_row) {
  const auto text = kw::describe<production>();
  BOOST_TEST(says(text, "| nothing | opens | open | - |"));
  BOOST_TEST(says(text, "| account | opens | open | repairs itself |"));
  BOOST_TEST(says(text, "| machine | opens | open | repairs itself |"));
  BOOST_TEST(says(text, "| password | opens | open | - |"));
}

BOOST_AUTO_TEST_CASE(losing_account_and_machine_leaves_what_a_password_opens) {
  BOOST_TEST(says(kw::describe<production>(),
                  "| account, machine | lost | open | a backup of the service master key |"));
}

BOOST_AUTO_TEST_CASE(losing_everything_is_said_to_lose_everything) {
  BOOST_TEST(
      says(kw::describe<production>(),
           "| account, machine, password | lost | lost | a backup of the service master key |"));
}

BOOST_AUTO_TEST_CASE(a_factor_that_every_way_in_needs_is_named) {
  const auto text = kw::describe<tied_to_the_machine>();
  BOOST_TEST(says(text, "| machine | lost | open | a backup of the service master key |"));
  BOOST_TEST(says(text, "| service master key | 256 bits | cannot be guessed | yes | machine |"));
}

BOOST_AUTO_TEST_CASE(a_password_is_never_given_bits) {
  const auto text = kw::describe<production>();
  BOOST_TEST(
      says(text, "| `password/argon2id` | as the password | 2^21 hash blocks | yes | yes |"));
  BOOST_TEST(says(text, "| database master keys | as the password |"));
}

BOOST_AUTO_TEST_CASE(the_graph_has_exactly_the_edges_of_the_hierarchy) {
  const auto graph = kw::describe_dot<production>();
  for (const auto edge :
       {R"("account" -> "service_master_key")", R"("machine" -> "service_master_key")",
        R"("service_master_key" -> "database_master_key")",
        R"("password/argon2id" -> "database_master_key")",
        R"("service_master_key" -> "credential")", R"("database_master_key" -> "symmetric_key")",
        R"("symmetric_key" -> "data")"})
    BOOST_TEST(says(graph, edge), edge);
  BOOST_TEST(!says(graph, R"("database_master_key" -> "data")"));
  BOOST_TEST(!says(graph, R"("service_master_key" -> "symmetric_key")"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace describe_test
