# bash completion for sluice; made by tests/style/help_pages.py --write
_sluice() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} path='' each words
    COMPREPLY=()
    case $before in
        --config | -c | --token-file | --file | -f | --from | --try | --apply | --state)
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return ;;
    esac
    for each in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case "$path $each" in
            ' serve') path=' serve' ;;
            ' check') path=' check' ;;
            ' simulate') path=' simulate' ;;
            ' demo') path=' demo' ;;
            ' key') path=' key' ;;
            ' key new') path=' key new' ;;
            ' ledger') path=' ledger' ;;
            ' ledger rebuild') path=' ledger rebuild' ;;
            ' import-litellm') path=' import-litellm' ;;
            ' ctl') path=' ctl' ;;
            ' ctl models') path=' ctl models' ;;
            ' ctl canary') path=' ctl canary' ;;
            ' ctl weights') path=' ctl weights' ;;
            ' ctl breaker') path=' ctl breaker' ;;
            ' ctl config') path=' ctl config' ;;
            ' ctl shadow') path=' ctl shadow' ;;
            ' ctl reload') path=' ctl reload' ;;
            ' ctl explain') path=' ctl explain' ;;
            ' ctl ready') path=' ctl ready' ;;
            ' ctl audit') path=' ctl audit' ;;
            ' ctl rollout') path=' ctl rollout' ;;
            ' ctl rollout start') path=' ctl rollout start' ;;
            ' ctl rollout status') path=' ctl rollout status' ;;
            ' ctl rollout promote') path=' ctl rollout promote' ;;
            ' ctl rollout freeze') path=' ctl rollout freeze' ;;
            ' ctl rollout resume') path=' ctl rollout resume' ;;
            ' ctl rollout rollback') path=' ctl rollout rollback' ;;
            ' ctl rollback') path=' ctl rollback' ;;
            ' ctl kill') path=' ctl kill' ;;
            ' ctl usage') path=' ctl usage' ;;
            ' ctl budgets') path=' ctl budgets' ;;
            ' ctl topup') path=' ctl topup' ;;
            ' ctl keys') path=' ctl keys' ;;
            ' ctl key') path=' ctl key' ;;
            ' ctl key create') path=' ctl key create' ;;
            ' ctl key set') path=' ctl key set' ;;
            ' ctl key revoke') path=' ctl key revoke' ;;
            ' ctl key rotate') path=' ctl key rotate' ;;
        esac
    done
    case $path in
        '') words='serve check simulate demo key ledger import-litellm ctl -h --help --version' ;;
        ' serve') words='-h --help -c --config' ;;
        ' check') words='-h --help -c --config --print-table --print-metrics' ;;
        ' simulate') words='-h --help --listen --name --behaviour --key --seed' ;;
        ' demo') words='-h --help --port --admin-port --rate' ;;
        ' key') words='new -h --help' ;;
        ' key new') words='-h --help --tenant --id' ;;
        ' ledger') words='rebuild -h --help' ;;
        ' ledger rebuild') words='-h --help --state --from' ;;
        ' import-litellm') words='-h --help' ;;
        ' ctl') words='models canary weights breaker config shadow reload explain ready audit rollout rollback kill usage budgets topup keys key -h --help --admin --token-file --json --if-version' ;;
        ' ctl models') words='-h --help --admin --token-file --json --if-version' ;;
        ' ctl canary') words='-h --help --admin --token-file --json --if-version' ;;
        ' ctl weights') words='-h --help --admin --token-file --json --if-version' ;;
        ' ctl breaker') words='-h --help --admin --token-file --json --if-version' ;;
        ' ctl config') words='-h --help --try --apply --admin --token-file --json --if-version' ;;
        ' ctl shadow') words='-h --help --admin --token-file --json --if-version' ;;
        ' ctl reload') words='-h --help --admin --token-file --json --if-version' ;;
        ' ctl explain') words='-h --help -f --file --key-id --header --admin --token-file --json --if-version' ;;
        ' ctl ready') words='-h --help --admin --token-file --json --if-version' ;;
        ' ctl audit') words='-h --help --limit --admin --token-file --json --if-version' ;;
        ' ctl rollout') words='start status promote freeze resume rollback -h --help --admin --token-file --json --if-version' ;;
        ' ctl rollout start') words='-h --help --steps --every --minimum --admin --token-file --json --if-version' ;;
        ' ctl rollout status') words='-h --help --admin --token-file --json --if-version' ;;
        ' ctl rollout promote') words='-h --help --admin --token-file --json --if-version' ;;
        ' ctl rollout freeze') words='-h --help --admin --token-file --json --if-version' ;;
        ' ctl rollout resume') words='-h --help --admin --token-file --json --if-version' ;;
        ' ctl rollout rollback') words='-h --help --admin --token-file --json --if-version' ;;
        ' ctl rollback') words='-h --help --admin --token-file --json --if-version' ;;
        ' ctl kill') words='-h --help --all --admin --token-file --json --if-version' ;;
        ' ctl usage') words='-h --help --by --since --until --where --csv --admin --token-file --json --if-version' ;;
        ' ctl budgets') words='-h --help --admin --token-file --json --if-version' ;;
        ' ctl topup') words='-h --help --operation --admin --token-file --json --if-version' ;;
        ' ctl keys') words='-h --help --admin --token-file --json --if-version' ;;
        ' ctl key') words='create set revoke rotate -h --help --admin --token-file --json --if-version' ;;
        ' ctl key create') words='-h --help --tenant --models --expires --limit --budget -f --file --admin --token-file --json --if-version' ;;
        ' ctl key set') words='-h --help --tenant --models --expires --limit --budget -f --file --disabled --admin --token-file --json --if-version' ;;
        ' ctl key revoke') words='-h --help --admin --token-file --json --if-version' ;;
        ' ctl key rotate') words='-h --help --grace --admin --token-file --json --if-version' ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _sluice sluice
