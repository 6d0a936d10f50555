module example.com/kern
go 1.18
