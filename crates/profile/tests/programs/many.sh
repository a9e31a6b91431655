# Many processes that do little each. Usage: many.sh COUNT
i=0
while [ $i -lt "$1" ]; do
    sleep 0.015
    i=$((i + 1))
done
